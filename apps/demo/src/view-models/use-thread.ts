import type { ChatMessage, Conversation } from '@parley/client'
import { useCallback, useEffect, useMemo, useState, useSyncExternalStore } from 'react'

export interface Receipt {
  readers: number
  others: number
}

export type Row =
  | { kind: 'day'; key: string; at: string }
  | { kind: 'unread'; key: string }
  | { kind: 'notice'; key: string; message: ChatMessage }
  | {
      kind: 'message'
      key: string
      message: ChatMessage
      own: boolean
      first: boolean
      last: boolean
      receipt?: Receipt
    }

export interface ThreadModel {
  rows: Row[]
  messages: readonly ChatMessage[]
  loaded: boolean
  hasOlder: boolean
  loadOlder: () => Promise<unknown>
}

const togetherMs = 5 * 60_000

/** The lines of a conversation, with days, the mark of what is new, runs of one sender, and receipts. */
export function useThread(conversation: Conversation, userId: string): ThreadModel {
  const subscribe = useCallback((changed: () => void) => conversation.on('changed', changed), [conversation])
  const messages = useSyncExternalStore(subscribe, () => conversation.messages)
  const [firstUnreadSeq] = useState(() => {
    const { unread = 0, readSeq = 0 } = conversation.view ?? {}
    return unread > 0 ? readSeq + 1 : undefined
  })
  useEffect(() => {
    const load = () => conversation.load().catch(() => undefined) // Tried again when it is reloaded or opened anew.
    void load()
    conversation.loadReadCursors().catch(() => undefined)
    return conversation.on('reloaded', load)
  }, [conversation])
  const others = (conversation.view?.memberCount ?? 2) - 1
  // biome-ignore lint/correctness/useExhaustiveDependencies: the array is new whenever cursors or view change.
  const rows = useMemo(
    () => buildRows(messages, { userId, firstUnreadSeq, others, cursors: conversation.readCursors }),
    [messages, userId, firstUnreadSeq, others],
  )
  return {
    rows,
    messages,
    loaded: conversation.loaded,
    hasOlder: conversation.hasOlder,
    loadOlder: () => conversation.loadOlder().catch(() => undefined),
  }
}

interface RowsInput {
  userId: string
  firstUnreadSeq: number | undefined
  others: number
  cursors: ReadonlyMap<string, number>
}

export function buildRows(messages: readonly ChatMessage[], input: RowsInput): Row[] {
  const rows: Row[] = []
  const readSeqs = [...input.cursors.values()]
  let previous: ChatMessage | undefined
  let marked = false
  for (const [index, message] of messages.entries()) {
    const newDay = !previous || dayOf(previous) !== dayOf(message)
    if (newDay) rows.push({ kind: 'day', key: `day ${message.key}`, at: message.createdAt })
    const isFirstUnread =
      !marked &&
      input.firstUnreadSeq !== undefined &&
      message.seq !== undefined &&
      message.seq >= input.firstUnreadSeq &&
      message.senderId !== input.userId
    if (isFirstUnread) {
      marked = true
      rows.push({ kind: 'unread', key: 'unread' })
    }
    if (!isBubble(message)) rows.push({ kind: 'notice', key: message.key, message })
    else {
      const next = messages[index + 1]
      const own = message.senderId === input.userId
      const { seq } = message
      rows.push({
        kind: 'message',
        key: message.key,
        message,
        own,
        first: newDay || isFirstUnread || !together(previous, message),
        last: !next || dayOf(next) !== dayOf(message) || !together(message, next),
        ...(own &&
          seq !== undefined && {
            receipt: { readers: readSeqs.filter((readSeq) => readSeq >= seq).length, others: input.others },
          }),
      })
    }
    previous = message
  }
  return rows
}

function isBubble({ content }: ChatMessage): boolean {
  return (
    content.type === 'text' ||
    content.type === 'image' ||
    content.type === 'file' ||
    content.type === 'custom'
  )
}

function together(one: ChatMessage | undefined, other: ChatMessage): boolean {
  if (!one || !isBubble(one) || !isBubble(other) || one.senderId !== other.senderId) return false
  return Date.parse(other.createdAt) - Date.parse(one.createdAt) < togetherMs
}

function dayOf({ createdAt }: ChatMessage): string {
  return new Date(createdAt).toDateString()
}
