import { Scope, silentLogger } from '@parley/core/kernel'
import { openDatabase } from '@parley/core/store'
import { RealtimeClient, startDevCloud } from '@parley/testing/devcloud'
import { expect, test, vi } from 'vitest'

/** A picture of one pixel. */
const pixel = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgAAAABQABpfZFQAAAAABJRU5ErkJggg==',
  'base64',
)

test('CHAT-31: a picture in a message tells its size, and comes down smaller by the address beside it', async () => {
  const cloud = await startDevCloud()
  try {
    for (const id of ['ada', 'bo']) await cloud.call('POST', '/v1/users', { id })
    const { body } = await cloud.call('POST', '/v1/conversations', {
      type: 'group',
      memberIds: ['ada', 'bo'],
    })
    const conversationId = (body as { id: string }).id
    const token = await cloud.token('ada')
    const file = { name: 'dot.png', contentType: 'image/png', sizeBytes: pixel.length }
    const offer = await cloud.call('POST', '/v1/uploads', file, { token })
    const { id: objectId, uploadUrl } = offer.body as { id: string; uploadUrl: string }
    expect((await fetch(uploadUrl, { method: 'PUT', body: pixel })).status).toBe(200)
    const ada = await RealtimeClient.connect(cloud.servers[0]?.url ?? '', token, 'one')
    await ada.request('message.send', {
      ...{ conversationId, clientMessageId: 'picture', content: { type: 'image', objectId } },
    })
    const { items } = await ada.request('message.list', { conversationId })
    const [message] = items.filter(({ content }) => content.type === 'image')
    if (message === undefined) throw new Error('the message is not in the history')
    expect(message.content).toMatchObject({ attachment: { ...file, width: 1, height: 1 } })
    const { thumbnailUrl } = (message.content as { attachment: { thumbnailUrl: string } }).attachment
    const small = await fetch(thumbnailUrl)
    expect(small.status).toBe(200)
    expect(small.headers.get('content-type')).toBe('image/webp')
    await ada.close()
  } finally {
    await cloud.close()
  }
})

test('CHAT-71: a file goes with the last message that holds it, and with nobody else’s', async () => {
  const cloud = await startDevCloud()
  try {
    for (const id of ['ada', 'bo']) await cloud.token(id)
    const { body } = await cloud.call('POST', '/v1/conversations', {
      type: 'group',
      ownerId: 'ada',
      memberIds: ['bo'],
    })
    const conversationId = (body as { id: string }).id
    const token = await cloud.token('ada')
    const upload = async (options = {}) => {
      const file = { name: 'dot.png', contentType: 'image/png', sizeBytes: pixel.length }
      const offer = await cloud.call('POST', '/v1/uploads', file, options)
      const { id, uploadUrl } = offer.body as { id: string; uploadUrl: string }
      expect((await fetch(uploadUrl, { method: 'PUT', body: pixel })).status).toBe(200)
      return id
    }
    let sent = 0
    const send = async (content: object): Promise<string> => {
      const message = { conversationId, clientMessageId: `c${++sent}`, content }
      const answer = await cloud.call('POST', '/v1/messages', message, { token })
      expect(answer.status).toBe(201)
      return (
        (answer.body as { messageId?: string; id?: string }).messageId ?? (answer.body as { id: string }).id
      )
    }
    const recall = async (id: string) =>
      expect((await cloud.call('POST', `/v1/messages/${id}/recall`, {}, { token })).status).toBe(200)
    const found = async (id: string) => (await cloud.call('GET', `/v1/objects/${id}`)).status === 200

    const picture = await upload({ token })
    const [one, other] = [
      await send({ type: 'image', objectId: picture }),
      await send({ type: 'file', objectId: picture }),
    ]
    const copy = await cloud.call(
      'POST',
      '/v1/messages',
      { conversationId, clientMessageId: 'merged', content: { type: 'merged-forward', messageIds: [one] } },
      { token },
    )
    expect(copy.status).toBe(201)
    await recall(one)
    expect(await found(picture)).toBe(true)
    await recall(other)
    // The copy still shows it.
    expect(await found(picture)).toBe(true)
    await recall(
      (copy.body as { messageId?: string; id?: string }).messageId ?? (copy.body as { id: string }).id,
    )

    const film = await upload({ token })
    await recall(await send({ type: 'file', objectId: film }))
    expect(await found(film)).toBe(false)

    // What the server keeps for all is nobody's message.
    const shared = await upload()
    await recall(await send({ type: 'image', objectId: shared }))
    expect(await found(shared)).toBe(true)

    // Both what it shows and what it showed before its edit.
    const [before, after] = [await upload({ token }), await upload({ token })]
    const edited = await send({ type: 'image', objectId: before })
    const change = { content: { type: 'image', objectId: after } }
    expect((await cloud.call('PATCH', `/v1/messages/${edited}`, change, { token })).status).toBe(200)
    await recall(edited)
    expect([await found(before), await found(after)]).toEqual([false, false])

    // A moment of the owner shows it.
    const shown = await upload({ token })
    const moment = { text: 'look', objectIds: [shown] }
    expect((await cloud.call('POST', '/v1/moments', moment, { token })).status).toBe(201)
    await recall(await send({ type: 'image', objectId: shown }))
    expect(await found(shown)).toBe(true)

    // Retention lets go of files by the same rule.
    const [old, packed, keptByServer, keptByMoment] = [
      await upload({ token }),
      await upload({ token }),
      await upload(),
      await upload({ token }),
    ]
    const again = { text: 'still here', objectIds: [keptByMoment] }
    expect((await cloud.call('POST', '/v1/moments', again, { token })).status).toBe(201)
    for (const objectId of [old, keptByServer, keptByMoment]) await send({ type: 'image', objectId })
    await send({ type: 'sticker', setId: 'set', stickerId: 'one', objectId: packed })
    const scope = new Scope('test', silentLogger)
    const url = cloud.databaseUrl
    const database = await openDatabase({ url, logger: silentLogger, scope, poolSize: 1 })
    await database.system.query({
      text: "update chat.entries set created_at = created_at - interval '10 days'",
    })
    await scope.close()
    await cloud.call('PUT', '/v1/retention', { byConversationType: { group: 1 } })
    await vi.waitFor(async () => expect(await found(old)).toBe(false), { timeout: 15_000, interval: 100 })
    for (const id of [packed, keptByServer, keptByMoment]) expect(await found(id)).toBe(true)
  } finally {
    await cloud.close()
  }
})
