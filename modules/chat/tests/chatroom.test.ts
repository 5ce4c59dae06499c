import { MasterKey } from '@parley/core/secrets'
import { type DevCloud, RealtimeClient, startDevCloud } from '@parley/testing/devcloud'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'

let cloud: DevCloud
const clients: RealtimeClient[] = []

beforeAll(async () => {
  cloud = await startDevCloud({
    servers: 2,
    env: {
      PARLEY_CHATROOM_MESSAGES_PER_SECOND: '40',
      PARLEY_CHATROOM_MESSAGES_PER_USER: '500',
      PARLEY_CHATROOM_GIFTS_PER_SECOND: '20',
    },
  })
})
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()))
})
afterAll(() => cloud.close())

let devices = 0
async function connect(userId: string, server = 0) {
  const device = `device-${++devices}`
  const client = await RealtimeClient.connect(
    cloud.servers[server]?.url ?? '',
    await cloud.token(userId),
    device,
  )
  clients.push(client)
  return client
}

async function makeRoom(chatRoomId: string, fields: object = {}) {
  const { status } = await cloud.call('POST', '/v1/chatrooms', { chatRoomId, ...fields })
  expect(status).toBe(201)
  return chatRoomId
}

const text = (words: string) => ({ type: 'text' as const, text: words })
const said = (client: RealtimeClient) =>
  client.events.flatMap((event) =>
    event.type === 'chatroom.messages'
      ? event.messages.map(({ content }) => (content.type === 'text' ? content.text : content.type))
      : [],
  )
const hears = (client: RealtimeClient, words: string[]) =>
  vi.waitFor(() => expect(said(client)).toEqual(words), { timeout: 5_000, interval: 20 })

test('CHAT-320: who has joined hears what is said, on every process, and nobody else does', async () => {
  const chatRoomId = await makeRoom('lobby')
  const [ann, bob, cid] = await Promise.all([connect('ann'), connect('bob', 1), connect('cid')])
  await ann.request('chatroom.join', { chatRoomId })
  const { room } = await bob.request('chatroom.join', { chatRoomId })
  expect(room).toMatchObject({ id: 'lobby', history: false, online: 2 })
  const answer = await ann.request('chatroom.send', { chatRoomId, content: text('hello') })
  expect(answer.seq).toBeUndefined()
  await hears(bob, ['hello'])
  await hears(ann, ['hello'])
  expect(said(cid)).toEqual([])
  await expect(cid.request('chatroom.send', { chatRoomId, content: text('x') })).rejects.toMatchObject({
    code: 'forbidden',
  })
  await bob.request('chatroom.leave', { chatRoomId })
  await cloud.call('POST', `/v1/chatrooms/${chatRoomId}/messages`, { content: text('from the server') })
  await hears(ann, ['hello', 'from the server'])
  expect(said(bob)).toEqual(['hello'])
  const late = await connect('dee')
  const { messages } = await late.request('chatroom.join', { chatRoomId })
  expect(messages.map(({ content }) => content)).toEqual([text('hello'), text('from the server')])
})

test('CHAT-321: presence is counted and listed over all processes, and ends with the connection', async () => {
  const chatRoomId = await makeRoom('crowd')
  const users = await Promise.all(['u1', 'u2', 'u3', 'u2'].map((id, index) => connect(id, index % 2)))
  for (const client of users) await client.request('chatroom.join', { chatRoomId })
  const path = `/v1/chatrooms/${chatRoomId}`
  const listed = async () =>
    (await cloud.call('GET', `${path}/users?limit=2`)).body as {
      items: { userId: string }[]
      nextCursor?: string
    }
  const first = await listed()
  expect(first.items.map(({ userId }) => userId)).toEqual(['u1', 'u2'])
  const rest = await cloud.call('GET', `${path}/users?limit=2&cursor=${first.nextCursor}`)
  expect((rest.body as { items: { userId: string }[] }).items.map(({ userId }) => userId)).toEqual(['u3'])
  await users[1]?.close()
  await users[0]?.close()
  await vi.waitFor(
    async () => expect(((await cloud.call('GET', path)).body as { online: number }).online).toBe(2),
    { timeout: 10_000, interval: 200 },
  )
})

test('CHAT-322: under load the lowest priority is dropped first and told, high priority never', async () => {
  const chatRoomId = await makeRoom('busy', { ownerId: 'host' })
  const [host, fan] = await Promise.all([connect('host'), connect('fan')])
  await host.request('chatroom.join', { chatRoomId })
  await fan.request('chatroom.join', { chatRoomId })
  const sends: Promise<unknown>[] = []
  for (let index = 0; index < 150; index++) {
    sends.push(fan.request('chatroom.send', { chatRoomId, priority: 'low', content: text(`low ${index}`) }))
    if (index % 5 === 0)
      sends.push(
        host.request('chatroom.send', { chatRoomId, priority: 'high', content: text(`high ${index}`) }),
      )
  }
  await Promise.all(sends)
  const high = Array.from({ length: 30 }, (_, index) => `high ${index * 5}`)
  await vi.waitFor(() => expect(said(fan).filter((words) => words.startsWith('high'))).toEqual(high), 5_000)
  const dropped = () =>
    fan.events.reduce(
      (sum, event) => sum + (event.type === 'chatroom.messages' ? (event.dropped ?? 0) : 0),
      0,
    )
  const low = () => said(fan).filter((words) => words.startsWith('low')).length
  await host.request('chatroom.send', { chatRoomId, priority: 'high', content: text('end') })
  await vi.waitFor(() => expect(said(fan)).toContain('end'), 5_000)
  await vi.waitFor(() => expect(low() + dropped()).toBe(150), 5_000)
  expect(dropped()).toBeGreaterThan(0)
  await expect(
    fan.request('chatroom.send', { chatRoomId, priority: 'high', content: text('me!') }),
  ).rejects.toMatchObject({ code: 'forbidden' })
})

test('CHAT-323: attributes belong to who set them, have versions, and go with their owner where asked', async () => {
  const chatRoomId = await makeRoom('stage', { ownerId: 'mc' })
  const [mc, eve, fay] = await Promise.all([connect('mc'), connect('eve', 1), connect('fay')])
  for (const client of [mc, eve, fay]) await client.request('chatroom.join', { chatRoomId })
  await eve.request('chatroom.set-attributes', {
    ...{ chatRoomId, untilLeave: true },
    attributes: [{ key: 'seat-1', value: 'eve' }],
  })
  await mc.request('chatroom.set-attributes', { chatRoomId, attributes: [{ key: 'topic', value: 'jazz' }] })
  await vi.waitFor(
    () =>
      expect(fay.events.filter(({ type }) => type === 'chatroom.attributes')).toContainEqual(
        expect.objectContaining({
          version: 1,
          set: [expect.objectContaining({ key: 'seat-1', userId: 'eve' })],
        }),
      ),
    5_000,
  )
  const steal = {
    chatRoomId,
    attributes: [
      { key: 'free', value: 'x' },
      { key: 'seat-1', value: 'fay' },
    ],
  }
  await expect(fay.request('chatroom.set-attributes', steal)).rejects.toMatchObject({ code: 'conflict' })
  await expect(fay.request('chatroom.set-attributes', { ...steal, takeOver: true })).rejects.toMatchObject({
    code: 'forbidden',
  })
  const { items, version } = await fay.request('chatroom.list-attributes', { chatRoomId })
  expect({ keys: items.map(({ key }) => key), version }).toEqual({ keys: ['seat-1', 'topic'], version: 2 })
  await eve.close()
  await vi.waitFor(
    async () => {
      const left = await fay.request('chatroom.list-attributes', { chatRoomId })
      expect(left.items.map(({ key }) => key)).toEqual(['topic'])
    },
    { timeout: 5_000, interval: 50 },
  )
})

test('CHAT-324: mute, ban, allow, slow mode and kick are judged before anybody hears', async () => {
  const chatRoomId = await makeRoom('strict', { ownerId: 'gus' })
  const [gus, hal, ivy] = await Promise.all([connect('gus'), connect('hal', 1), connect('ivy')])
  for (const client of [gus, hal, ivy]) await client.request('chatroom.join', { chatRoomId })
  const say = (client: RealtimeClient, words: string) =>
    client.request('chatroom.send', { chatRoomId, content: text(words) })
  const refused = (client: RealtimeClient, code: string) =>
    vi.waitFor(
      () => expect(say(client, client === hal ? 'perhaps' : 'refused?')).rejects.toMatchObject({ code }),
      5_000,
    )

  await expect(
    hal.request('chatroom.restrict', { chatRoomId, kind: 'mute', memberId: 'ivy' }),
  ).rejects.toMatchObject({ code: 'forbidden' })
  await gus.request('chatroom.restrict', { chatRoomId, kind: 'mute', memberId: 'hal' })
  await refused(hal, 'muted')
  await gus.request('chatroom.unrestrict', { chatRoomId, kind: 'mute', memberId: 'hal' })
  await gus.request('chatroom.update', { chatRoomId, mutedAll: true })
  await refused(ivy, 'muted')
  await gus.request('chatroom.restrict', { chatRoomId, kind: 'allow', memberId: 'ivy' })
  await vi.waitFor(() => say(ivy, 'allowed'), 5_000)
  await gus.request('chatroom.update', { chatRoomId, mutedAll: false, slowModeMs: 60_000 })
  await vi.waitFor(() => say(hal, 'slowly'), 5_000)
  await refused(hal, 'rate-limited')
  await gus.request('chatroom.kick', { chatRoomId, memberId: 'ivy', reason: 'noise' })
  expect(await ivy.waitFor('chatroom.left')).toMatchObject({ reason: 'kicked', detail: 'noise' })
  await ivy.request('chatroom.join', { chatRoomId })
  await gus.request('chatroom.restrict', { chatRoomId, kind: 'ban', memberId: 'hal' })
  expect(await hal.waitFor('chatroom.left')).toMatchObject({ reason: 'banned' })
  await expect(hal.request('chatroom.join', { chatRoomId })).rejects.toMatchObject({ code: 'banned' })
  const bans = await gus.request('chatroom.list-restrictions', { chatRoomId, kind: 'ban' })
  expect(bans.items).toEqual([{ userId: 'hal', kind: 'ban' }])
  expect(said(gus).filter((words) => words === 'refused?')).toEqual([])
})

test('CHAT-325: a room with history numbers densely over processes and answers when it is durable', async () => {
  const chatRoomId = await makeRoom('archive', { history: true })
  const [jim, kay] = await Promise.all([connect('jim'), connect('kay', 1)])
  for (const client of [jim, kay]) await client.request('chatroom.join', { chatRoomId })
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      (index % 2 ? jim : kay).request('chatroom.send', { chatRoomId, content: text(`n${index}`) }),
    ),
  )
  expect(answers.map(({ seq }) => seq).sort((a, b) => Number(a) - Number(b))).toEqual(
    Array.from({ length: 20 }, (_, index) => index + 1),
  )
  const page = await jim.request('chatroom.list-messages', { chatRoomId, limit: 5 })
  expect(page).toMatchObject({
    headSeq: 20,
    items: [{ seq: 16 }, { seq: 17 }, { seq: 18 }, { seq: 19 }, { seq: 20 }],
  })
  const before = await jim.request('chatroom.list-messages', { chatRoomId, beforeSeq: 3, limit: 5 })
  expect(before.items.map(({ seq }) => seq)).toEqual([1, 2])
})

test('CHAT-326: a closed room sends everybody out and leaves nothing; other projects never see one', async () => {
  const chatRoomId = await makeRoom('party', { history: true, ownerId: 'leo' })
  const [leo, mia] = await Promise.all([connect('leo'), connect('mia', 1)])
  for (const client of [leo, mia]) await client.request('chatroom.join', { chatRoomId })
  await leo.request('chatroom.send', { chatRoomId, content: text('bye') })
  await expect(mia.request('chatroom.close', { chatRoomId })).rejects.toMatchObject({ code: 'forbidden' })
  await leo.request('chatroom.close', { chatRoomId })
  expect(await mia.waitFor('chatroom.left')).toMatchObject({ reason: 'closed' })
  await vi.waitFor(
    () =>
      expect(mia.request('chatroom.get', { chatRoomId })).rejects.toMatchObject({ code: 'room-not-found' }),
    5_000,
  )
  await makeRoom('party', { history: true })
  const again = await leo.request('chatroom.join', { chatRoomId })
  expect(again.messages).toEqual([])
})

test('CHAT-327: users find the rooms that are listed and open to them, API keys all, page by page', async () => {
  await makeRoom('list-hidden')
  await makeRoom('list-old', { listed: true, name: 'Old' })
  await makeRoom('list-banned', { listed: true })
  await makeRoom('list-closed', { listed: true, joinByAllowed: true, ownerId: 'rex' })
  await makeRoom('list-new', { listed: true })
  await cloud.call('PUT', '/v1/chatrooms/list-banned/restrictions/ban/pam', {})
  const [pam, rex] = await Promise.all([connect('pam'), connect('rex', 1)])
  const idsOf = (items: { id: string }[]) => items.map(({ id }) => id).filter((id) => id.startsWith('list-'))
  const seenBy = async (client: RealtimeClient) => idsOf((await client.request('chatroom.list', {})).items)

  expect(await seenBy(pam)).toEqual(['list-new', 'list-old'])
  expect(await seenBy(rex)).toEqual(['list-new', 'list-closed', 'list-banned', 'list-old'])
  await cloud.call('PUT', '/v1/chatrooms/list-closed/restrictions/allow/pam', {})
  await cloud.call('DELETE', '/v1/chatrooms/list-banned/restrictions/ban/pam', {})
  expect(await seenBy(pam)).toEqual(await seenBy(rex))
  await cloud.call('PATCH', '/v1/chatrooms/list-new', { listed: false })
  expect(await seenBy(pam)).toEqual(['list-closed', 'list-banned', 'list-old'])

  const told: { id: string }[] = []
  await pam.request('chatroom.join', { chatRoomId: 'list-old' })
  let cursor: string | undefined
  do {
    const { status, body } = await cloud.call(
      'GET',
      `/v1/chatrooms?limit=2${cursor === undefined ? '' : `&cursor=${cursor}`}`,
    )
    expect(status).toBe(200)
    const page = body as { items: { id: string }[]; nextCursor?: string }
    told.push(...page.items)
    cursor = page.nextCursor
  } while (cursor !== undefined)
  expect(idsOf(told)).toEqual(['list-new', 'list-closed', 'list-banned', 'list-old', 'list-hidden'])
  await vi.waitFor(
    async () => {
      const { items } = await rex.request('chatroom.list', {})
      expect(items.find(({ id }) => id === 'list-old')?.online).toBe(1)
    },
    { timeout: 10_000, interval: 200 },
  )

  const operator = MasterKey.load({ dataDir: cloud.dataDir }).derive('operator').toString('hex')
  const made = await cloud.call('POST', '/v1/projects', { name: 'Other' }, { token: operator })
  const { key } = made.body as { key: { id: string; secret: string } }
  const authorization = `Basic ${Buffer.from(`${key.id}:${key.secret}`).toString('base64')}`
  const stranger = await cloud.call('GET', '/v1/chatrooms', undefined, { headers: { authorization } })
  expect(stranger.body).toEqual({ items: [] })
  expect((await cloud.call('GET', '/v1/chatrooms?cursor=x')).body).toMatchObject({ code: 'invalid-cursor' })
})

test('CHAT-328: a gift of anybody reaches everybody under load, is bounded beforehand, and is made by no other way', async () => {
  const chatRoomId = await makeRoom('gifts', { ownerId: 'star', slowModeMs: 60_000, history: true })
  const [fan, star] = await Promise.all([connect('fan'), connect('star', 1)])
  for (const client of [fan, star]) await client.request('chatroom.join', { chatRoomId })
  const rose = { giftId: 'rose', name: 'Rose', emoji: '\u{1F339}', toUserId: 'star' }
  const give = (number: number, gift: object = rose) =>
    fan.request('chatroom.give', {
      chatRoomId,
      clientMessageId: `gift-${number}`,
      gift: { ...rose, ...gift },
    })
  const gifts = (client: RealtimeClient) =>
    client.events.flatMap((event) =>
      event.type === 'chatroom.messages'
        ? event.messages.filter(({ content }) => content.type === 'custom')
        : [],
    )

  await fan.request('chatroom.send', { chatRoomId, content: text('slow mode begins') })
  const flood = Array.from({ length: 200 }, (_, index) =>
    star.request('chatroom.send', { chatRoomId, priority: 'low', content: text(`low ${index}`) }),
  )
  const given = Array.from({ length: 30 }, (_, index) => give(index))
  await Promise.all([...flood, ...given])
  for (const client of [fan, star]) await vi.waitFor(() => expect(gifts(client)).toHaveLength(30), 5_000)
  expect(gifts(star)[0]).toMatchObject({
    ...{ senderId: 'fan', priority: 'high', clientMessageId: 'gift-0', seq: expect.any(Number) },
    content: { kind: 'parley.gift', summary: 'Rose', data: { ...rose, count: 1 } },
  })

  const more = await Promise.allSettled(Array.from({ length: 60 }, (_, index) => give(100 + index)))
  const refused = more.filter((each) => each.status === 'rejected')
  expect(refused.length).toBeGreaterThan(0)
  expect(refused[0]?.reason).toMatchObject({ code: 'rate-limited' })
  await vi.waitFor(() => expect(gifts(star)).toHaveLength(90 - refused.length), 5_000)

  const forged = { type: 'custom' as const, kind: 'parley.gift', data: rose }
  await expect(star.request('chatroom.send', { chatRoomId, content: forged })).rejects.toMatchObject({
    code: 'invalid-request',
  })
  await expect(give(1, { count: 0 })).rejects.toMatchObject({ code: 'invalid-request' })
  await cloud.call('PUT', `/v1/chatrooms/${chatRoomId}/restrictions/mute/fan`, {})
  await vi.waitFor(() => expect(give(500)).rejects.toMatchObject({ code: 'muted' }), 5_000)
  await vi.waitFor(
    async () => {
      const gift = { giftId: 'cup', name: 'Cup', count: 3 }
      const answer = await cloud.call('POST', `/v1/chatrooms/${chatRoomId}/gifts`, {
        ...{ clientMessageId: 'server-1', gift, userId: 'star' },
      })
      expect(answer.status).toBe(201)
    },
    { timeout: 10_000, interval: 200 },
  )
})

test('CHAT-330: a gift that is given again is told once, and answered as the first was', async () => {
  for (const history of [true, false]) {
    const chatRoomId = await makeRoom(`again-${history}`, { history })
    const [fan, fanElsewhere, star] = await Promise.all([connect('fan'), connect('fan', 1), connect('star')])
    for (const client of [fan, fanElsewhere, star]) await client.request('chatroom.join', { chatRoomId })
    const give = (client: RealtimeClient, clientMessageId: string, count = 1) =>
      client.request('chatroom.give', {
        ...{ chatRoomId, clientMessageId, gift: { giftId: 'rose', name: 'Rose', count } },
      })
    const heard = () =>
      star.events.flatMap((event) =>
        event.type === 'chatroom.messages' ? event.messages.map((message) => message.clientMessageId) : [],
      )
    const tries = [fan, fan, fanElsewhere, fanElsewhere].map((client) => give(client, 'one'))
    const [first, ...others] = await Promise.all(tries)
    expect(first?.seq).toBe(history ? 1 : undefined)
    for (const other of others) expect(other).toEqual(first)
    // More often than gifts are taken: what is there already counts for no limit.
    for (const _ of Array.from({ length: 50 })) expect(await give(fan, 'one')).toEqual(first)

    await expect(give(fan, 'one', 2)).rejects.toMatchObject({ code: 'client-message-id-conflict' })
    expect((await give(star, 'one')).messageId).not.toBe(first?.messageId)
    const row = Array.from({ length: 10 }, (_, index) => `row-${index}`)
    await Promise.all(row.map((id) => give(fan, id)))
    const inRow = () => heard().filter((id) => id?.startsWith('row'))
    await vi.waitFor(() => expect(inRow()).toEqual(row), { timeout: 5_000, interval: 20 })
    await give(fan, 'last')
    await vi.waitFor(() => expect(heard().sort()).toEqual(['last', 'one', 'one', ...row]), {
      timeout: 5_000,
      interval: 20,
    })
    await Promise.all([fan, fanElsewhere, star].map((client) => client.close()))
  }
})

test('CHAT-330: a room of the same id begins anew', async () => {
  const gift = { giftId: 'rose', name: 'Rose' }
  const give = async () => {
    const answer = await cloud.call('POST', '/v1/chatrooms/anew/gifts', { clientMessageId: 'one', gift })
    expect(answer.status).toBe(201)
    return answer.body as { messageId: string }
  }
  await makeRoom('anew')
  const first = await give()
  await cloud.call('DELETE', '/v1/chatrooms/anew')
  await makeRoom('anew')
  expect((await give()).messageId).not.toBe(first.messageId)
})

test('CHAT-328: the name of a gift is screened', async () => {
  const { status } = await cloud.call('PUT', '/v1/moderation/word-lists/gifts', {
    ...{ verdict: 'replace', words: [{ text: 'rudeword' }] },
  })
  expect(status).toBe(200)
  const chatRoomId = await makeRoom('screened')
  const una = await connect('una')
  await una.request('chatroom.join', { chatRoomId })
  let count = 0
  await vi.waitFor(
    async () => {
      const gift = { giftId: 'x', name: 'a rudeword b' }
      await una.request('chatroom.give', { chatRoomId, clientMessageId: `screened-${++count}`, gift })
      const names = una.events.flatMap((event) =>
        event.type === 'chatroom.messages'
          ? event.messages.map(({ content }) => (content.type === 'custom' ? content.data : undefined))
          : [],
      )
      expect(names.at(-1)).toMatchObject({ giftId: 'x', name: expect.stringMatching(/^a \*+ b$/) })
    },
    { timeout: 10_000, interval: 200 },
  )
})

test('CHAT-320: a chat room is made without a body, as with an empty one', async () => {
  const made = await cloud.call('POST', '/v1/chatrooms')
  expect(made).toMatchObject({ status: 201, body: { history: false, listed: false } })
})
