import { type DevCloud, startDevCloud } from '@parley/testing/devcloud'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { memoryStorage, Parley } from '../src/index.ts'
import { ConnectedClients, until } from './connected-clients.ts'

let cloud: DevCloud
let clients: ConnectedClients

beforeAll(async () => {
  cloud = await startDevCloud({ servers: 2 })
  clients = new ConnectedClients(cloud)
  for (const userId of ['alice', 'bob', 'carol']) await cloud.token(userId)
})

afterAll(async () => {
  await cloud?.close()
})

afterEach(() => clients?.close())

const connect: ConnectedClients['connect'] = (userId, options) => clients.connect(userId, options)

const textOf = ({ content }: { content: { type: string } }) =>
  'text' in content && typeof content.text === 'string' ? content.text : content.type

test('two users chat over two servers: order, receipts, typing, edit and recall', async () => {
  const alice = await connect('alice')
  const bob = await connect('bob', { server: 1 })
  const heard: string[] = []
  bob.chat.on('message', ({ message }) => heard.push(textOf(message)))
  const toBob = await alice.chat.direct('bob')
  const sent = await Promise.all(
    Array.from({ length: 60 }, (_, number) => toBob.send({ text: `m${number}` })),
  )
  expect(sent.map(({ seq }) => seq)).toEqual(sent.map((_, index) => (sent[0]?.seq ?? 0) + index))
  await until('bob hears all', () => heard.length >= 60)
  expect(heard).toEqual(sent.map(textOf))

  const toAlice = await bob.chat.direct('alice')
  expect(toAlice.id).toBe(toBob.id)
  expect(toAlice.view?.unread).toBe(60)
  toAlice.markRead()
  await until(
    'alice sees that bob has read',
    () => (toBob.readCursors.get('bob') ?? 0) >= (sent.at(-1)?.seq ?? 0),
  )

  await toAlice.load()
  const typed = new Promise<string[]>((resolve) => toAlice.on('typing', ({ userIds }) => resolve(userIds)))
  toBob.typing()
  expect(await typed).toEqual(['alice'])

  const [first, second] = sent
  await toBob.edit(first?.id ?? '', { text: 'edited' })
  await toBob.recall(second?.id ?? '')
  await toAlice.loadOlder()
  await until('bob sees edit and recall', () => {
    const texts = toAlice.messages.map(textOf)
    return texts.includes('edited') && texts.includes('recalled') && !texts.includes('m1')
  })
  expect((await toBob.history({ limit: 3 })).map(textOf)).toEqual(['m57', 'm58', 'm59'])
})

test('two devices of one user converge, and one that was away gets exactly what it missed', async () => {
  const first = await connect('alice')
  const kept = memoryStorage()
  const away = await Parley.connect({
    url: cloud.url,
    getToken: () => cloud.token('alice'),
    storage: () => kept,
  })
  const group = await first.chat.createGroup({ name: 'Group', memberIds: ['bob', 'carol'] })
  await until('the other device knows the group', () =>
    away.chat.conversations().some(({ id }) => id === group.id),
  )
  const onAway = away.chat.conversation(group.id)
  await onAway.load()
  await group.send({ text: 'one' })
  await until('the other device has it', () => onAway.messages.some((message) => textOf(message) === 'one'))
  await away.close()
  for (const text of ['two', 'three']) await group.send({ text })

  const back = await connect('alice', { storage: () => kept })
  const onBack = back.chat.conversation(group.id)
  const heard: string[] = []
  onBack.on('message', (message) => heard.push(textOf(message)))
  await onBack.load()
  await until('all is there', () => onBack.messages.some((message) => textOf(message) === 'three'))
  expect(onBack.messages.map(({ seq }) => seq)).toEqual(
    group.messages.length > 0 ? onBack.messages.map((_, at) => (onBack.messages[0]?.seq ?? 0) + at) : [],
  )
  expect(onBack.messages.map(textOf).slice(-3)).toEqual(['one', 'two', 'three'])
  expect((await onBack.members()).map(({ userId }) => userId)).toEqual(['alice', 'bob', 'carol'])
})

test('a cut connection comes back by itself; what was sent meanwhile arrives once and in order', async () => {
  const alice = await connect('alice')
  const carol = await connect('carol')
  const conversation = await alice.chat.direct('carol')
  const heard: string[] = []
  carol.chat.on('message', ({ message }) => heard.push(textOf(message)))
  alice.suspend()
  const sends = Array.from({ length: 20 }, (_, number) => conversation.send({ text: `s${number}` }))
  expect(conversation.messages.every(({ state }) => state === 'sending')).toBe(true)
  carol.suspend()
  alice.resume()
  await Promise.all(sends)
  carol.resume()
  await until('carol has caught up', () => heard.length >= 20)
  expect(heard).toEqual(Array.from({ length: 20 }, (_, number) => `s${number}`))
})

test('a file is uploaded, sent, and read by the other', async () => {
  const alice = await connect('alice')
  const bob = await connect('bob')
  const toBob = await alice.chat.direct('bob')
  const toAlice = await bob.chat.direct('alice')
  await toAlice.load()
  const bytes = new TextEncoder().encode('a few words')
  const sent = await toBob.sendFile(
    { name: 'words.txt', contentType: 'text/plain', bytes },
    { caption: 'read this' },
  )
  expect(sent.content).toMatchObject({
    type: 'file',
    caption: 'read this',
    attachment: { name: 'words.txt' },
  })
  await until('bob has it', () => toAlice.messages.some(({ seq }) => seq === sent.seq))
  const url = await toAlice.fileUrl(sent.seq)
  expect(await (await fetch(url ?? '')).text()).toBe('a few words')
  const renewed = await toAlice.fileUrl(sent.seq, { renew: true })
  expect((await fetch(renewed ?? '')).status).toBe(200)
})

test('presence follows connections, and a revoked user is cut for good', async () => {
  const alice = await connect('alice')
  const [before] = await alice.presence.subscribe(['carol'])
  expect(before).toMatchObject({ userId: 'carol' })
  const online = new Promise<void>((resolve) => {
    alice.presence.on('changed', ({ status }) => {
      if (status === 'online') resolve()
    })
  })
  const carol = await connect('carol')
  await online
  await cloud.call('POST', '/v1/users/carol/revoke-tokens', {})
  await until('carol is out', () => carol.state.status === 'closed')
  expect(carol.state).toMatchObject({ status: 'closed', reason: { code: 'token-revoked' } })
})
