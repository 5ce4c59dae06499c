import type { Message } from '@parley/contracts'
import { expect, test } from 'vitest'
import type { OutboxItem } from './outbox.ts'
import { PendingSends } from './pending-sends.ts'

const createdAt = '2026-01-01T00:00:00.000Z'
const message = (seq: number, clientMessageId = `c${seq}`): Message => ({
  id: `msg_${seq}`,
  conversationId: 'g',
  seq,
  messageNo: seq,
  senderId: 'alice',
  clientMessageId,
  content: { type: 'text', text: '' },
  createdAt,
})
const item = (clientMessageId: string): OutboxItem => ({
  clientMessageId,
  conversationId: 'g',
  order: 1,
  createdAt,
  owner: 'tab',
})
const answer = (seq: number) => ({ messageId: `msg_${seq}`, conversationId: 'g', seq, createdAt })

function make(head = 0) {
  const asked: string[] = []
  const sends = new PendingSends({
    userId: 'alice',
    at: () => undefined,
    head: () => head,
    find: async (clientMessageId) => {
      asked.push(clientMessageId)
      return message(7, clientMessageId)
    },
  })
  return { sends, asked }
}

test('a send resolves with its entry once that arrives, and is settling until then', async () => {
  const { sends, asked } = make()
  const sent = sends.stored('c1', Promise.resolve(answer(1)))
  await Promise.resolve()
  sends.handleAcked(item('c1'), 1)
  expect(sends.settling).toHaveLength(1)
  await new Promise((resolve) => setTimeout(resolve))
  sends.handleEntry(message(1))
  expect(await sent).toMatchObject({ seq: 1 })
  expect(sends.settling).toEqual([])
  expect(asked).toEqual([])
})

test('a send whose entry was passed over is answered by the server', async () => {
  const { sends, asked } = make()
  const sent = sends.stored('c1', Promise.resolve(answer(1)))
  sends.handleAcked(item('c1'), 1)
  await new Promise((resolve) => setTimeout(resolve))
  sends.handlePassedOver(5)
  expect(await sent).toMatchObject({ id: 'msg_7' })
  expect(asked).toEqual(['c1'])
  expect(sends.settling).toEqual([])
})

test('a send that waits for its entry is rejected when the conversation ends', async () => {
  const { sends } = make()
  const sent = sends.stored('c1', Promise.resolve(answer(1)))
  await new Promise((resolve) => setTimeout(resolve))
  sends.close()
  await expect(sent).rejects.toMatchObject({ code: 'closed' })
})
