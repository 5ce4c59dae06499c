import { buffer } from 'node:stream/consumers'
import type { ObjectService } from '@parley/core/objects'
import { type ExportCall, eachRowIn } from '@parley/core/personal-data'
import {
  type ConversationRow,
  conversationColumns,
  toConversation,
} from '../conversation/conversation-row.ts'
import { type EntryRow, entryColumns, toMessage } from '../message/entry-row.ts'
import { filesIn } from './erase-entries.ts'

const pieceBytes = 512 * 1024
const plain = (_projectId: string, content: EntryRow['content']) => content

interface MemberRow {
  user_id: string
  role: string
  joined_seq: number
  left_seq: number | null
  visible_from_seq: number
  read_seq: number
  delivered_seq: number
  joined_at: Date
  nickname: string | null
  custom: unknown
  draft: unknown
}

/**
 * Writes a conversation as of one moment: what it is, who is in it, and its entries; for a user, those the user may see.
 */
export async function exportConversation(
  call: ExportCall,
  objects: Pick<ObjectService, 'open'>,
  conversationId: string,
  readerId?: string,
): Promise<void> {
  const { project, from, to, write } = call
  const { projectId } = project
  const files = new Set<string>()
  await project.transaction(async (tx) => {
    const found = await tx.query<ConversationRow>({
      text: `select ${conversationColumns} from chat.conversations c where c.project_id = $1 and c.id = $2`,
      values: [projectId, conversationId],
    })
    const [row] = found.rows
    if (row === undefined) return
    await write({ ...toConversation(row), type: 'conversation', conversationType: row.type })
    const members = {
      text: `select user_id, role, joined_seq, left_seq, visible_from_seq, read_seq, delivered_seq, joined_at, nickname,
          custom, draft from chat.members
        where project_id = $1 and conversation_id = $2 and ($3::text is null or user_id = $3) order by user_id`,
      values: [projectId, conversationId, readerId ?? null],
    }
    await eachRowIn<MemberRow>(tx, members, async (member) => {
      await write(memberRecord(conversationId, member, readerId !== undefined))
    })
    const entries = {
      text: `select ${entryColumns} from chat.entries e
        left join chat.members m on m.project_id = e.project_id and m.conversation_id = e.conversation_id
          and m.user_id = $3
        where e.project_id = $1 and e.conversation_id = $2
          and ($3::text is null or (e.seq >= m.visible_from_seq and e.seq < coalesce(m.left_seq, 9223372036854775807)
            and not (m.hides and exists (select from chat.hidden_entries h where h.project_id = $1
              and h.conversation_id = $2 and h.user_id = $3 and h.seq in (e.seq, (e.content->>'targetSeq')::bigint)))))
          and ($4::timestamptz is null or e.created_at >= $4) and ($5::timestamptz is null or e.created_at < $5)
        order by e.seq`,
      values: [projectId, conversationId, readerId ?? null, from ?? null, to ?? null],
    }
    await eachRowIn<EntryRow>(tx, entries, async (entry) => {
      await write({ ...toMessage(entry, plain), type: 'message' })
      if (call.files) for (const objectId of filesIn([entry])) files.add(objectId)
    })
  })
  for (const objectId of files) await exportFile(call, objects, objectId)
}

function memberRecord(conversationId: string, member: MemberRow, own: boolean) {
  return {
    type: own ? 'membership' : 'member',
    conversationId,
    userId: member.user_id,
    role: member.role,
    joinedSeq: member.joined_seq,
    joinedAt: member.joined_at.toISOString(),
    readSeq: member.read_seq,
    deliveredSeq: member.delivered_seq,
    ...(member.left_seq !== null && { leftSeq: member.left_seq }),
    ...(member.nickname !== null && { nickname: member.nickname }),
    ...(member.custom !== null && { custom: member.custom }),
    // What a member has not sent is for that member.
    ...(own && member.draft !== null && { draft: member.draft }),
  }
}

/** A file in pieces, so that no line is long. One that is gone is passed over. */
async function exportFile(
  { project: { projectId }, write }: ExportCall,
  objects: Pick<ObjectService, 'open'>,
  objectId: string,
): Promise<void> {
  const file = await objects
    .open({ action: 'read', projectId, objectId, expiresAtMs: 0 })
    .catch(() => undefined)
  if (file === undefined) return
  const { name, contentType, sizeBytes, sha256 } = file
  await write({ type: 'file', objectId, name, contentType, sizeBytes, sha256 })
  for (let start = 0; start < sizeBytes; start += pieceBytes) {
    const end = Math.min(start + pieceBytes, sizeBytes) - 1
    const bytes = await buffer(await file.read({ start, end }))
    await write({ type: 'file-piece', objectId, offset: start, data: bytes.toString('base64') })
  }
}
