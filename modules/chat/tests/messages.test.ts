import type { Message } from '@parley/contracts'
import { type DevCloud, RealtimeClient, startDevCloud } from '@parley/testing/devcloud'
import { afterAll, beforeAll, expect, test } from 'vitest'

let cloud: DevCloud
const clients: RealtimeClient[] = []

beforeAll(async () => {
  cloud = await startDevCloud({ servers: 2 })
})
afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()))
  await cloud.close()
})

let made = 0
const fresh = () => `m-${++made}`

async function connect(userId: string, server = 0) {
  const client = await RealtimeClient.connect(
    cloud.servers[server]?.url ?? '',
    await cloud.token(userId),
    fresh(),
  )
  clients.push(client)
  return client
}

const say = (text: string) => ({ type: 'text' as const, text })
const send = (client: RealtimeClient, conversationId: string, text: string, more: object = {}) =>
  client.request('message.send', { conversationId, clientMessageId: fresh(), content: say(text), ...more })
const history = async (client: RealtimeClient, conversationId: string) =>
  (await client.request('message.list', { conversationId, afterSeq: 0, limit: 200 })).items

/** A group of three on two processes: an owner and two members. */
async function group() {
  const names = ['ann', 'bob', 'cid'].map((name) => `${name}-${++made}`)
  const [ann, bob, cid] = [
    await connect(names[0] ?? ''),
    await connect(names[1] ?? '', 1),
    await connect(names[2] ?? ''),
  ]
  const { body } = await cloud.call('POST', '/v1/conversations', {
    type: 'group',
    memberIds: names,
    ownerId: names[0],
  })
  return { id: (body as { id: string }).id, ann, bob, cid, names: names as [string, string, string] }
}

const viewOf = (client: RealtimeClient, conversationId: string) =>
  client.request('conversation.get', { conversationId })

test('CHAT-53: reactions are counted in the message, one a user and emoji, told live, and bear no unread', async () => {
  const { id, ann, bob, cid, names } = await group()
  const { messageId } = await send(ann, id, 'good news')
  await bob.request('message.react', { messageId, emoji: '👍' })
  const twice = await bob.request('message.react', { messageId, emoji: '👍' })
  expect(twice.reactions).toEqual([{ emoji: '👍', count: 1, userIds: [names[1]] }])
  await cloud.call('PUT', `/v1/messages/${messageId}/reactions`, { emoji: '👍', userId: names[2] })
  const { message, entry } = await ann.waitFor(
    'message.changed',
    ({ message }) => message?.reactions?.[0]?.count === 2,
  )
  expect(message?.content).toEqual(say('good news'))
  expect(entry.content).toMatchObject({ type: 'annotated', kind: 'reaction-added', emoji: '👍' })
  const who = await cid.request('message.reactions', { messageId, limit: 1 })
  expect(who.items.map(({ userId }) => userId)).toEqual([names[1]])
  const rest = await cid.request('message.reactions', { messageId, cursor: who.nextCursor })
  expect(rest.items.map(({ userId }) => userId)).toEqual([names[2]])
  await bob.request('message.unreact', { messageId, emoji: '👍' })
  const left = await cid.request('message.unreact', { messageId, emoji: '👍' })
  expect(left.reactions).toBeUndefined()
  expect(await viewOf(ann, id)).toMatchObject({ unread: 0, headSeq: 5 })
  expect(await viewOf(cid, id)).toMatchObject({ unread: 1 })
  const stranger = await connect('stranger')
  await expect(stranger.request('message.react', { messageId, emoji: 'x' })).rejects.toMatchObject({
    code: 'message-not-found',
  })
})

test('CHAT-54: a quote shows the message it answers, until that is recalled', async () => {
  const { id, ann, bob, names } = await group()
  const { messageId, seq } = await send(ann, id, 'the question')
  const reply = await send(bob, id, 'the answer', { replyToId: messageId })
  const quoted = (await history(ann, id))[reply.seq - 1]
  expect(quoted?.replyTo).toEqual({ messageId, seq, senderId: names[0], content: say('the question') })
  await ann.request('message.recall', { messageId })
  expect((await history(bob, id))[reply.seq - 1]?.replyTo?.content).toEqual({ type: 'recalled' })
  await expect(send(bob, id, 'too late', { replyToId: messageId })).rejects.toMatchObject({
    code: 'message-recalled',
  })
  const other = await group()
  await expect(send(other.ann, other.id, 'x', { replyToId: reply.messageId })).rejects.toMatchObject({
    code: 'message-not-found',
  })
})

test('CHAT-55: pins are few, by owner and admins in groups, and listed latest first', async () => {
  const { id, ann, bob } = await group()
  const first = await send(ann, id, 'one')
  const second = await send(bob, id, 'two')
  await expect(bob.request('message.pin', { messageId: second.messageId })).rejects.toMatchObject({
    code: 'forbidden',
  })
  await ann.request('message.pin', { messageId: first.messageId })
  await ann.request('message.pin', { messageId: second.messageId })
  const pins = async () =>
    (await bob.request('conversation.pins', { conversationId: id })).items.map((pin) => pin.id)
  expect(await pins()).toEqual([second.messageId, first.messageId])
  await ann.request('message.unpin', { messageId: second.messageId })
  await ann.request('message.recall', { messageId: first.messageId })
  expect(await pins()).toEqual([])
})

test('CHAT-56: a thread is listed by its root, which counts the replies that stand', async () => {
  const { id, ann, bob } = await group()
  const root = await send(ann, id, 'root')
  const replies = []
  for (const text of ['a', 'b', 'c']) {
    replies.push(await send(bob, id, text, { threadRootId: root.messageId }))
    await send(ann, id, 'beside')
  }
  const thread = await ann.request('message.thread', { messageId: root.messageId, limit: 2 })
  expect(thread.items.map(({ content }) => content)).toEqual([say('b'), say('c')])
  expect(thread.root.thread).toEqual({ replyCount: 3, lastReplySeq: replies[2]?.seq })
  expect(thread.items[0]?.threadRootId).toBe(root.messageId)
  await bob.request('message.recall', { messageId: replies[0]?.messageId ?? '' })
  const after = await cloud.call('GET', `/v1/messages/${root.messageId}/thread?afterSeq=0`)
  expect((after.body as { root: Message }).root.thread?.replyCount).toBe(2)
  await expect(send(ann, id, 'deeper', { threadRootId: replies[1]?.messageId })).rejects.toMatchObject({
    code: 'conflict',
  })
})

test('CHAT-57: what a member deletes for themselves is gone for them alone, on all their devices, and not unread', async () => {
  const { id, ann, bob, cid, names } = await group()
  await send(ann, id, 'keep')
  const gone = await send(ann, id, 'away')
  const other = await connect(names[1])
  const { hiddenVersion } = await bob.request('message.hide', { conversationId: id, seqs: [gone.seq] })
  expect(await other.waitFor('message.hidden')).toMatchObject({ seqs: [gone.seq], hiddenVersion })
  expect((await history(bob, id)).map(({ content }) => content.type)).toEqual(['text', 'hidden'])
  expect((await history(cid, id)).map(({ content }) => content.type)).toEqual(['text', 'text'])
  const view = await viewOf(bob, id)
  expect(view).toMatchObject({ unread: 1, hiddenVersion })
  expect(view.lastMessage?.content).toEqual(say('keep'))
  expect(await bob.request('conversation.hidden', { conversationId: id })).toEqual({
    seqs: [gone.seq],
    hiddenVersion,
    more: false,
  })
  await expect(send(bob, id, 'what?', { replyToId: gone.messageId })).rejects.toMatchObject({
    code: 'message-not-found',
  })
  await cid.request('message.react', { messageId: gone.messageId, emoji: 'x' })
  const seen = await history(bob, id)
  expect(JSON.stringify(seen)).not.toContain('away')
  expect(await bob.request('conversation.unread-total', {})).toEqual({ unread: 1 })
})

test('CHAT-57: a draft follows the user to other devices, and nobody else', async () => {
  const { id, bob, cid, names } = await group()
  const other = await connect(names[1], 1)
  const { cursor } = await bob.request('conversation.sync', {})
  await bob.request('conversation.draft', { conversationId: id, text: 'Dear' })
  expect((await other.waitFor('conversation.draft-changed')).draft?.text).toBe('Dear')
  const sync = await bob.request('conversation.sync', { cursor })
  expect(sync.conversations.find((view) => view.id === id)?.draft?.text).toBe('Dear')
  expect((await viewOf(cid, id)).draft).toBeUndefined()
  await bob.request('conversation.draft', { conversationId: id, text: '' })
  expect((await viewOf(bob, id)).draft).toBeUndefined()
})

test('CHAT-58: edits are kept one before the other, and gone with a recall', async () => {
  const { id, ann, bob } = await group()
  const { messageId } = await send(ann, id, 'first')
  for (const text of ['second', 'third']) await ann.request('message.edit', { messageId, content: say(text) })
  const { items } = await bob.request('message.edits', { messageId })
  expect(items.map(({ version, content }) => [version, content])).toEqual([
    [1, say('first')],
    [2, say('second')],
  ])
  await ann.request('message.react', { messageId, emoji: 'secret' })
  await ann.request('message.recall', { messageId })
  expect((await bob.request('message.edits', { messageId })).items).toEqual([])
  expect(JSON.stringify(await history(bob, id))).not.toMatch(/first|second|third|secret/)
})

test('CHAT-59: keys on a message have versions, and a stale one changes nothing', async () => {
  const { id, ann, bob, names } = await group()
  const { messageId } = await send(ann, id, 'task')
  await bob.request('message.extend', { messageId, set: [{ key: 'state', value: 'open', version: 0 }] })
  await expect(
    ann.request('message.extend', {
      messageId,
      set: [
        { key: 'other', value: 'x' },
        { key: 'state', value: 'done', version: 0 },
      ],
    }),
  ).rejects.toMatchObject({ code: 'version-mismatch' })
  const { extension } = await ann.request('message.extend', {
    messageId,
    set: [{ key: 'state', value: 'done', version: 1 }],
  })
  expect(extension).toEqual({ state: { value: 'done', version: 2, userId: names[0] } })
  expect((await ann.request('message.extend', { messageId, remove: ['state'] })).extension).toBeUndefined()
})

test('CHAT-60: a message is sent on with where it came from; several in one are copied as they stand', async () => {
  const { id, ann, bob, names } = await group()
  const target = await group()
  const { messageId } = await send(ann, id, 'worth telling')
  const gone = await send(ann, id, 'not this')
  await ann.request('message.recall', { messageId: gone.messageId })
  await expect(
    bob.request('message.forward', {
      messageId,
      toConversationId: target.id,
      clientMessageId: fresh(),
    }),
  ).rejects.toMatchObject({ code: 'not-a-member' })
  const sent = await bob.request('message.forward', {
    messageId,
    toUserId: target.names[0],
    clientMessageId: fresh(),
  })
  const [copy] = await history(target.ann, sent.conversationId)
  expect(copy).toMatchObject({ content: say('worth telling'), forwardedFrom: { senderId: names[0] } })
  const merged = await bob.request('message.send', {
    toUserId: target.names[0],
    clientMessageId: fresh(),
    content: { type: 'merged-forward', title: 'Notes', messageIds: [messageId, gone.messageId] },
  })
  const [, notes] = await history(target.ann, merged.conversationId)
  expect(notes?.content).toMatchObject({
    type: 'merged-forward',
    title: 'Notes',
    items: [{ senderId: names[0], content: say('worth telling') }, { content: { type: 'recalled' } }],
  })
  await expect(
    target.bob.request('message.send', {
      conversationId: target.id,
      clientMessageId: fresh(),
      content: { type: 'merged-forward', messageIds: [messageId] },
    }),
  ).rejects.toMatchObject({ code: 'message-not-found' })
})

test('CHAT-61, CHAT-8: a message with a timer is erased in place, told, and not unread any more', async () => {
  const { id, ann, bob } = await group()
  const { messageId, seq } = await send(ann, id, 'gone soon', { expiresAfterMs: 1_000 })
  expect((await viewOf(bob, id)).unread).toBe(1)
  const { entry, message } = await bob.waitFor('message.changed')
  expect(entry.content).toMatchObject({ type: 'expire', targetId: messageId, targetSeq: seq })
  expect(message?.content).toEqual({ type: 'expired' })
  expect(await viewOf(bob, id)).toMatchObject({ unread: 0, headSeq: 2 })
  expect(JSON.stringify(await history(bob, id))).not.toContain('gone soon')
})

test('CHAT-62: a message that burns after reading begins when somebody else has read it', async () => {
  const { id, ann, bob } = await group()
  await expect(
    bob.request('conversation.expiry', { conversationId: id, burnAfterReadMs: 1_000 }),
  ).rejects.toMatchObject({ code: 'forbidden' })
  await ann.request('conversation.expiry', { conversationId: id, burnAfterReadMs: 1_000 })
  await bob.waitFor('conversation.changed', ({ entry }) => entry.content.type === 'expiry-changed')
  const { seq } = await send(ann, id, 'for your eyes')
  await ann.request('conversation.read', { conversationId: id, seq })
  await bob.request('conversation.read', { conversationId: id, seq })
  const { message } = await ann.waitFor('message.changed')
  expect(message).toMatchObject({ seq, content: { type: 'expired' } })
})

test('CHAT-63: who has read a message, and who has not, comes from the cursors, a page at a time', async () => {
  const { id, ann, bob, names } = await group()
  const { messageId, seq } = await send(ann, id, 'read me')
  await bob.request('conversation.read', { conversationId: id, seq })
  const read = await ann.request('message.readers', { messageId })
  expect(read).toMatchObject({ readCount: 1, unreadCount: 1, items: [{ userId: names[1] }] })
  const unread = await ann.request('message.readers', { messageId, state: 'unread' })
  expect(unread.items).toEqual([{ userId: names[2] }])
})

test('CHAT-64: a scheduled message is sent once at its time, listed before, and can be called off', async () => {
  const { id, ann, bob } = await group()
  const sendAt = new Date(Date.now() + 1_500).toISOString()
  const command = { conversationId: id, clientMessageId: fresh(), content: say('on time'), sendAt }
  const scheduled = await ann.request('message.schedule', command)
  expect((await ann.request('message.schedule', command)).id).toBe(scheduled.id)
  const later = await ann.request('message.schedule', {
    ...command,
    clientMessageId: fresh(),
    content: say('never'),
    sendAt: new Date(Date.now() + 3_600_000).toISOString(),
  })
  expect((await ann.request('message.scheduled', {})).items.map((item) => item.id)).toEqual([
    scheduled.id,
    later.id,
  ])
  await ann.request('message.cancel-scheduled', { scheduledMessageId: later.id })
  await expect(
    bob.request('message.cancel-scheduled', { scheduledMessageId: scheduled.id }),
  ).rejects.toMatchObject({ code: 'message-not-found' })
  const { message } = await bob.waitFor('message.created')
  expect(message).toMatchObject({ content: say('on time'), clientMessageId: command.clientMessageId })
  await expect(
    ann.request('message.cancel-scheduled', { scheduledMessageId: scheduled.id }),
  ).rejects.toMatchObject({ code: 'conflict' })
  expect((await history(ann, id)).length).toBe(1)
})

test('CHAT-66: a poll takes one vote a user, which may change until it is closed', async () => {
  const { id, ann, bob, cid, names } = await group()
  const { messageId } = await ann.request('message.send', {
    conversationId: id,
    clientMessageId: fresh(),
    content: { type: 'poll', question: 'When?', options: ['today', 'tomorrow', 'never'] },
  })
  await bob.request('poll.vote', { messageId, options: [0] })
  await bob.request('poll.vote', { messageId, options: [1] })
  const { poll } = await cid.request('poll.vote', { messageId, options: [1] })
  expect(poll).toEqual({ counts: [0, 2, 0], voters: 2 })
  await expect(cid.request('poll.vote', { messageId, options: [0, 1] })).rejects.toMatchObject({
    code: 'invalid-request',
  })
  await expect(cid.request('poll.vote', { messageId, options: [7] })).rejects.toMatchObject({
    code: 'invalid-request',
  })
  expect((await ann.request('poll.votes', { messageId })).items.map(({ userId }) => userId).sort()).toEqual(
    [names[1], names[2]].sort(),
  )
  await cid.request('poll.vote', { messageId, options: [] })
  await expect(bob.request('poll.close', { messageId })).rejects.toMatchObject({ code: 'forbidden' })
  const closed = await ann.request('poll.close', { messageId })
  expect(closed.poll).toMatchObject({ counts: [0, 1, 0], voters: 1, closedAt: expect.any(String) })
  await expect(bob.request('poll.vote', { messageId, options: [0] })).rejects.toMatchObject({
    code: 'conflict',
  })
  await expect(ann.request('message.edit', { messageId, content: say('no poll') })).rejects.toMatchObject({
    code: 'conflict',
  })
})

test('CHAT-70: every kind of content is stored as it was sent', async () => {
  const { id, ann } = await group()
  const contents = [
    { type: 'location', latitude: 52.5, longitude: 13.4, name: 'Berlin' },
    { type: 'contact', name: 'Dora', phone: '+4930123456' },
    { type: 'sticker', setId: 'cats', stickerId: '7' },
    { type: 'text', text: 'all of you', mentions: { online: true } },
  ] as const
  for (const content of contents)
    await ann.request('message.send', { conversationId: id, clientMessageId: fresh(), content })
  expect((await history(ann, id)).map(({ content }) => content)).toEqual(contents)
  await expect(
    ann.request('message.send', {
      conversationId: id,
      clientMessageId: fresh(),
      content: { type: 'voice', objectId: 'obj_none', durationMs: 900 },
    }),
  ).rejects.toMatchObject({ code: 'object-not-found' })
})
