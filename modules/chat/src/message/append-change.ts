import type { EntryContent } from '@parley/contracts'
import type { Transaction } from '@parley/core/store'
import type { AppendedRun } from './append.ts'
import { keyOf, type LockedHead, numberEntries, versionOf, writeEntries } from './log.ts'

export interface ChangeEntry {
  id: string
  senderId: string
  content: EntryContent
}

/**
 * Appends one entry that changes a message or the conversation. The caller holds the lock on the head and may
 * have moved its version or member count; both are written along.
 */
export async function appendChange(
  tx: Transaction,
  head: LockedHead,
  change: ChangeEntry,
): Promise<AppendedRun> {
  const projectId = head.project_id
  const conversationId = head.id
  const heads = new Map([[keyOf(projectId, conversationId), head]])
  const entry = { projectId, conversationId, clientMessageId: null, bearsUnread: false, ...change }
  const rows = numberEntries([entry], heads, new Date())
  await writeEntries(tx, rows, heads)
  return { projectId, conversationId, version: versionOf(head), rows }
}
