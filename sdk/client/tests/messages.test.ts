import { type DevCloud, startDevCloud } from '@parley/testing/devcloud'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import {
  beginStream,
  claimPacket,
  listReaders,
  listThread,
  memoryStorage,
  pinMessage,
  unreadTotal,
  votePoll,
} from '../src/index.ts'
import { ConnectedClients, until } from './connected-clients.ts'

let cloud: DevCloud
let clients: ConnectedClients

beforeAll(async () => {
  cloud = await startDevCloud({ servers: 2 })
  clients = new ConnectedClients(cloud)
})
afterAll(async () => {
  await cloud?.close()
})
afterEach(() => clients?.close())

let made = 0

const connect: ConnectedClients['connect'] = (userId, options) =>
  clients.connect(userId, { device: { id: `device-${++made}` }, ...options })

/** Two users in a direct conversation, both with it open. */
async function pair() {
  const names = [`ann-${++made}`, `bob-${++made}`] as const
  const [ann, bob] = [await connect(names[0]), await connect(names[1], { server: 1 })]
  const toBob = await ann.chat.direct(names[1])
  await toBob.send({ text: 'hello' })
  await until('bob hears', () => bob.chat.conversations().length === 1)
  const toAnn = await bob.chat.direct(names[0])
  await Promise.all([toBob.load(), toAnn.load()])
  return { names, ann, bob, toBob, toAnn }
}

test('a reaction shows at once, reaches the other, and survives catching up from the log', async () => {
  const { names, toBob, toAnn, bob } = await pair()
  const sent = await toBob.send({ text: 'good news' })
  await until('it arrives', () => toAnn.messages.some(({ id }) => id === sent.id))
  const reacting = toAnn.react(sent.id, '🎉')
  const mine = () => toAnn.messages.find(({ id }) => id === sent.id)?.reactions
  expect(mine()).toEqual([{ emoji: '🎉', count: 1, userIds: [names[1]] }])
  await reacting
  await until('ann sees it', () => toBob.messages.some(({ reactions }) => reactions?.[0]?.count === 1))
  bob.suspend()
  await toBob.react(sent.id, '🎉')
  bob.resume()
  await until('bob catches up', () => mine()?.[0]?.count === 2)
  await toAnn.unreact(sent.id, '🎉')
  expect(mine()).toEqual([{ emoji: '🎉', count: 1, userIds: [names[0]] }])
})

test('delivery is told to the sender, and unread stays right when a message goes', async () => {
  const { names, toBob, toAnn, bob } = await pair()
  const sent = await toBob.send({ text: 'short-lived', expiresAfterMs: 1_000 })
  await until('delivered', () => (toBob.deliveredCursors.get(names[1]) ?? 0) >= sent.seq)
  expect(toAnn.view?.unread).toBe(2)
  await until('it is gone', () =>
    toAnn.messages.some(({ seq, content }) => seq === sent.seq && content.type === 'expired'),
  )
  expect(toAnn.view?.unread).toBe(1)
  expect(await unreadTotal(bob.chat)).toBe(1)
})

test('a quote follows its message, a thread counts its replies, a pin shows', async () => {
  const { toBob, toAnn } = await pair()
  const question = await toBob.send({ text: 'where?' })
  const answer = await toAnn.send({ text: 'here', replyToId: question.id })
  expect(answer.replyTo?.content).toEqual({ type: 'text', text: 'where?' })
  await toAnn.send({ text: 'in the thread', threadRootId: question.id })
  const shown = () => toBob.messages.find(({ id }) => id === question.id)
  await until('the root counts', () => shown()?.thread?.replyCount === 1)
  expect((await listThread(toBob, question.id)).items).toHaveLength(1)
  await pinMessage(toBob, question.id)
  expect(shown()?.pinned).toBeDefined()
  await toBob.recall(question.id)
  await until(
    'the quote is empty',
    () => toAnn.messages.find(({ id }) => id === answer.id)?.replyTo?.content.type === 'recalled',
  )
})

test('what is deleted for oneself goes on all devices, also on one that was away; a draft comes', async () => {
  const { names, toBob, toAnn, bob } = await pair()
  const kept = memoryStorage()
  const other = await connect(names[1], { storage: () => kept })
  const onOther = await other.chat.direct(names[0])
  await onOther.load()
  const sent = await toBob.send({ text: 'not for me' })
  await until('both have it', () => [toAnn, onOther].every(({ messages }) => messages.at(-1)?.id === sent.id))
  other.suspend()
  await toAnn.deleteForMe([sent.seq])
  await toAnn.saveDraft('Dear Ann')
  expect(toAnn.messages.some(({ id }) => id === sent.id)).toBe(false)
  other.resume()
  await until('the other device follows', () => onOther.messages.every(({ id }) => id !== sent.id))
  await until('the draft came', () => onOther.view?.draft?.text === 'Dear Ann')
  expect(toBob.messages.some(({ id }) => id === sent.id)).toBe(true)
  expect(
    (await bob.chat.conversation(toAnn.id).history()).some(
      ({ id, content }) => id === sent.id && content.type !== 'hidden',
    ),
  ).toBe(false)
})

test('a growing text shows as it comes, goes on after a lost connection, and is final', async () => {
  const { toBob, toAnn, bob } = await pair()
  const writer = await beginStream(toBob)
  const shown = () => {
    const content = toAnn.messages.find(({ id }) => id === writer.messageId)?.content
    return content?.type === 'stream' ? `${content.state}: ${content.text}` : undefined
  }
  await writer.append('Once ')
  await until('it grows', () => shown() === 'open: Once ')
  bob.suspend()
  await writer.append('upon ')
  bob.resume()
  await until('it goes on', () => shown() === 'open: Once upon ')
  void writer.append('a ')
  void writer.append('time')
  await writer.finish()
  await until('it is final', () => shown() === 'finished: Once upon a time')
})

test('votes, claims and readers show in the messages', async () => {
  const { names, toBob, toAnn } = await pair()
  const poll = await toBob.send({ content: { type: 'poll', question: 'Now?', options: ['yes', 'no'] } })
  expect((await votePoll(toAnn, poll.id, [0])).poll).toEqual({ counts: [1, 0], voters: 1 })
  await until('ann sees the vote', () => toBob.messages.some(({ poll: results }) => results?.voters === 1))
  const gift = await toBob.send({
    content: { type: 'packet', kind: 'gift', amount: 500, currency: 'EUR', scale: 2, shares: 1 },
  })
  expect(await claimPacket(toAnn, gift.id)).toMatchObject({ amount: 500, currency: 'EUR', scale: 2 })
  await until('ann sees the claim', () => toBob.messages.some(({ packet }) => packet?.state === 'claimed'))
  toAnn.markRead()
  await until('read', () => (toBob.readCursors.get(names[1]) ?? 0) >= gift.seq)
  expect(await listReaders(toBob, gift.id)).toMatchObject({ readCount: 1, items: [{ userId: names[1] }] })
})
