import type { Message } from '@parley/contracts'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ConversationLog } from './conversation-log.ts'

function entry(seq: number): Message {
  return {
    id: `msg_${seq}`,
    conversationId: 'conv_1',
    seq,
    messageNo: seq,
    senderId: 'alice',
    content: { type: 'text', text: String(seq) },
    createdAt: '2026-01-01T00:00:00.000Z',
  }
}

test('entries that come in any order, some twice, are handed out once and in order', () => {
  const arrivals = fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 120 })
  fc.assert(
    fc.property(arrivals, fc.integer({ min: 0, max: 10 }), (seqs, head) => {
      const log = new ConversationLog(head)
      const out = seqs.flatMap((seq) => log.receive({ entry: entry(seq) })).map(({ entry: { seq } }) => seq)
      for (const [index, seq] of out.entries()) expect(seq).toBe(head + 1 + index)
      expect(log.head).toBe(head + out.length)
      // Nothing that could be handed out is held back.
      expect(seqs).not.toContain(log.head + 1)
    }),
  )
})

test('what is missing is exactly the gap in front of the first early entry', () => {
  const log = new ConversationLog(4)
  expect(log.missing).toBeUndefined()
  log.receive({ entry: entry(9) })
  log.receive({ entry: entry(7) })
  expect(log.missing).toEqual({ afterSeq: 4, count: 2 })
  log.expect(12)
  for (const seq of [5, 6]) log.receive({ entry: entry(seq) })
  expect(log.missing).toEqual({ afterSeq: 7, count: 1 })
  log.receive({ entry: entry(8) })
  expect(log.missing).toEqual({ afterSeq: 9, count: 3 })
})

test('older entries are taken only when they end where the run begins', () => {
  const log = new ConversationLog(10)
  expect(log.prepend([entry(7), entry(8)])).toBe(false)
  expect(log.prepend([entry(9), entry(10)])).toBe(true)
  expect(log.prepend([entry(8)])).toBe(true)
  expect(log.from).toBe(8)
  expect(log.at(9)?.seq).toBe(9)
  expect(log.at(7)).toBeUndefined()
})

test('a restart forgets what waited under the old numbers', () => {
  const log = new ConversationLog(4)
  log.receive({ entry: entry(6) })
  log.restart(2)
  expect(log.missing).toBeUndefined()
  expect(log.receive({ entry: entry(3) })).toHaveLength(1)
  expect(log.head).toBe(3)
})
