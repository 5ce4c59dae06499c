import type { ConversationView, Message } from '@parley/contracts'
import { expect, test } from 'vitest'
import { LiveView } from './live-view.ts'

const createdAt = '2026-01-01T00:00:00.000Z'

function view(given: Partial<ConversationView>): ConversationView {
  return {
    id: 'g',
    type: 'group',
    memberCount: 3,
    headSeq: 0,
    headMessageNo: 0,
    version: 1,
    createdAt,
    updatedAt: createdAt,
    role: 'member',
    readSeq: 0,
    unread: 0,
    ...given,
  }
}

function entry(seq: number, senderId = 'bob'): Message {
  const content = { type: 'text' as const, text: '' }
  return { id: `msg_${seq}`, conversationId: 'g', seq, messageNo: seq, senderId, content, createdAt }
}

const run = (from: number, head: number) => ({
  entries: Array.from({ length: head - from + 1 }, (_, at) => entry(from + at)),
  from,
  head,
})

function live(): { state: LiveView; doubts: () => number } {
  const state = new LiveView('alice')
  let doubts = 0
  state.on('doubtful', () => doubts++)
  return { state, doubts: () => doubts }
}

test('CHAT-8: unread goes on from the server with each entry of others, and ends at 999', () => {
  const { state } = live()
  state.handleView(view({ headSeq: 5, unread: 997 }), run(6, 5), 0)
  state.handleEntry(entry(6))
  state.handleEntry(entry(7, 'alice'))
  expect(state.current).toMatchObject({ headSeq: 7, unread: 998 })
  for (const seq of [8, 9, 10]) state.handleEntry(entry(seq))
  expect(state.current?.unread).toBe(999)
})

test('CHAT-8: a view that is older than what came since counts what came since, and reading never moves back', () => {
  const { state } = live()
  state.handleView(view({ headSeq: 9, readSeq: 4 }), run(1, 9), 0)
  state.handleView(view({ headSeq: 7, readSeq: 3, unread: 3 }), run(1, 9), 0)
  expect(state.current).toMatchObject({ headSeq: 9, readSeq: 4, unread: 5, lastMessage: { seq: 9 } })
})

test('reading is counted from memory when it reaches back far enough, else the server is asked', () => {
  const { state, doubts } = live()
  state.handleView(view({ headSeq: 20, unread: 20 }), run(11, 20), 0)
  expect(state.handleRead(15, run(11, 20))).toBe(true)
  expect(state.current?.unread).toBe(5)
  expect(doubts()).toBe(0)
  expect(state.handleRead(15, run(11, 20))).toBe(false)
  state.handleRead(16, run(19, 20))
  expect(doubts()).toBe(1)
  state.handleRead(20, run(19, 20))
  expect(state.current?.unread).toBe(0)
})

test('a message that is gone is unread no more; of one that is not in memory the server knows', () => {
  const { state, doubts } = live()
  state.handleView(view({ headSeq: 3, unread: 2 }), run(1, 3), 0)
  state.handleGone(3, entry(3))
  expect(state.current?.unread).toBe(1)
  state.handleGone(2, entry(2, 'alice'))
  expect(state.current?.unread).toBe(1)
  state.handleGone(1, undefined)
  expect(doubts()).toBe(1)
})
