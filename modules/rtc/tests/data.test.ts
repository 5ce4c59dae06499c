import { randomBytes, randomInt } from 'node:crypto'
import { MasterKey } from '@parley/core/secrets'
import { serializeRoomData } from '@parley/protocols/room-data'
import { type SctpChunk, serializeSctp } from '@parley/protocols/sctp'
import { type DevCloud, startDevCloud } from '@parley/testing/devcloud'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { buildSfu } from './build-sfu.ts'
import { CallMember } from './call-member.ts'
import { DataMember } from './data-member.ts'

const missing = await buildSfu()
const soon = { timeout: 15_000, interval: 50 }

describe.skipIf(missing !== '')(`data of rooms${missing && ` (skipped: ${missing})`}`, () => {
  let cloud: DevCloud
  let members: { close(): Promise<void> }[] = []
  let lastRoom = 0
  let roomId = ''

  beforeAll(async () => {
    cloud = await startDevCloud({
      env: {
        PARLEY_MEDIA_ADDRESSES: '127.0.0.1',
        PARLEY_RTC_WORKERS: '1',
        PARLEY_RTC_DATA_DELIVERIES_PER_SECOND: '150',
      },
    })
  })
  afterEach(async () => {
    await Promise.all(members.map((member) => member.close()))
    members = []
  })
  afterAll(() => cloud.close())

  const newRoom = (): string => {
    lastRoom += 1
    roomId = `data ${lastRoom}`
    return roomId
  }
  const optionsOf = async (userId: string, grants?: object) => ({
    ...{ url: cloud.url, roomId, device: `device-${userId}` },
    token: await cloud.token(userId, grants && { grants: { rtc: { room: roomId, ...grants } } }),
  })
  const join = async (userId: string, grants?: object): Promise<DataMember> => {
    const member = await DataMember.join(await optionsOf(userId, grants))
    members.push(member)
    return member
  }
  const answered = async (member: DataMember, id: number): Promise<Record<string, unknown>> => {
    await vi.waitFor(() => expect(member.answerTo(id)).toBeDefined(), soon)
    return member.answerTo(id) ?? {}
  }

  test('RTC-90: who did not ask for data is offered none, and is passed over', async () => {
    newRoom()
    const plain = await CallMember.join({ ...(await optionsOf('plain')), send: { audio: true } })
    members.push(plain)
    const [alice, bob] = [await join('alice'), await join('bob')]
    await plain.publish()
    await vi.waitFor(() => {
      const audio = alice.member.subscriber.statistics().inbound.find(({ kind }) => kind === 'audio')
      expect(audio?.frames ?? 0).toBeGreaterThan(10)
    }, soon)
    expect(await answered(alice, alice.send('hello'))).toMatchObject({ type: 'accepted', receivers: 1 })
    await vi.waitFor(() => expect(bob.texts()).toEqual(['hello']), soon)
    expect(plain.client.events.filter(({ type }) => type === 'rtc.subscribe-offer')).toEqual([])
    expect(alice.member.refusals).toEqual([])
  })

  test('RTC-91: sending needs rtc.data, hearing it or rtc.subscribe; the sender is who the server says', async () => {
    newRoom()
    const sender = await join('sender', { data: true })
    const listener = await join('listener', { subscribe: true })
    const neither = await join('neither', { publish: true })
    expect([sender, listener, neither].map(({ member }) => member.joined.canSendData)).toEqual([
      ...[true, false, false],
    ])
    expect(await answered(listener, listener.send('no'))).toMatchObject({
      type: 'refused',
      code: 'grant-missing',
    })
    const forged = sender.send('yes', { from: { participantId: listener.member.id, userId: 'listener' } })
    expect(await answered(sender, forged)).toMatchObject({ type: 'accepted', receivers: 1 })
    await vi.waitFor(() => expect(listener.received.at(-1)?.header.type).toBe('message'), soon)
    const from = { participantId: sender.member.id, userId: 'sender' }
    expect(listener.received.at(-1)?.header).toEqual({ type: 'message', format: 'text', from })
    expect(neither.received.filter(({ header }) => header.type === 'message')).toEqual([])
  })

  test('RTC-91: a token that is renewed without the right loses it at once', async () => {
    newRoom()
    const [alice, bob] = [await join('alice'), await join('bob')]
    expect(await answered(alice, alice.send('before'))).toMatchObject({ type: 'accepted' })
    const token = await cloud.token('alice', { grants: { rtc: { room: roomId, subscribe: true } } })
    await alice.member.client.request('auth', { token, device: { id: 'device-alice', platform: 'server' } })
    expect(await answered(alice, alice.send('after'))).toMatchObject({ code: 'grant-missing' })
    expect(await answered(bob, bob.send('still heard'))).toMatchObject({ receivers: 1 })
    await vi.waitFor(() => expect(alice.texts()).toEqual(['still heard']), soon)
    expect(bob.texts()).toEqual(['before'])
  })

  test('RTC-91: the server of the application reaches its own rooms, and says what it may not', async () => {
    newRoom()
    const bob = await join('bob')
    const path = `/v1/rtc/rooms/${encodeURIComponent(roomId)}/data`
    const post = (body: object, options = {}) => cloud.call('POST', path, body, options)
    expect(await post({ text: 'news', topic: 'n' })).toMatchObject({ status: 200, body: { receivers: 1 } })
    expect(await post({ base64: 'AAEC', reliable: false })).toMatchObject({ body: { receivers: 1 } })
    expect(await post({ json: null, to: { userIds: ['nobody'] } })).toMatchObject({ body: { receivers: 0 } })
    await vi.waitFor(() => expect(bob.texts('n')).toEqual(['news']), soon)
    for (const body of [
      {},
      { text: 'a', json: 1 },
      { base64: '?' },
      { text: 'x'.repeat(70_000) },
      { text: 'a', to: 'all' },
    ]) {
      expect(await post(body)).toMatchObject({ status: 400, body: { code: 'invalid-request' } })
    }
    expect(await post({ text: 'x'.repeat(16_000), reliable: false })).toMatchObject({ status: 422 })
    expect(await post({ text: 'ä'.repeat(40_000) })).toMatchObject({
      status: 422,
      body: { code: 'limit-exceeded' },
    })
    expect(await post({ text: 'a' }, { token: await cloud.token('bob') })).toMatchObject({ status: 401 })
    const nowhere = await cloud.call('POST', '/v1/rtc/rooms/nowhere/data', { text: 'a' })
    expect(nowhere).toMatchObject({ status: 404, body: { code: 'room-not-found' } })
  })

  test('RTC-91: the same room of another project is another room', async () => {
    newRoom()
    const bob = await join('bob')
    const operator = { token: MasterKey.load({ dataDir: cloud.dataDir }).derive('operator').toString('hex') }
    const made = await cloud.call('POST', '/v1/projects', { name: 'Other' }, operator)
    const { key } = made.body as { key: { id: string; secret: string } }
    const authorization = `Basic ${Buffer.from(`${key.id}:${key.secret}`).toString('base64')}`
    const foreign = { headers: { authorization } }
    const path = `/v1/rtc/rooms/${encodeURIComponent(roomId)}/data`
    expect(await cloud.call('POST', path, { text: 'stranger' }, foreign)).toMatchObject({ status: 404 })

    await cloud.call('POST', '/v1/users', { id: 'bob' }, foreign)
    const minted = await cloud.call('POST', '/v1/users/bob/tokens', {}, foreign)
    const { token } = minted.body as { token: string }
    const stranger = await DataMember.join({ url: cloud.url, roomId, token })
    members.push(stranger)
    expect(await answered(stranger, stranger.send('to my own', { to: { userIds: ['bob'] } }))).toMatchObject({
      receivers: 0,
    })
    const named = stranger.send('to yours', { to: { participantIds: [bob.member.id] } })
    expect(await answered(stranger, named)).toMatchObject({ receivers: 0 })
    expect(
      await cloud.call('POST', path, { text: 'stranger', to: { userIds: ['bob'] } }, foreign),
    ).toMatchObject({
      ...{ status: 200, body: { receivers: 1 } },
    })
    expect(await answered(bob, bob.send('alone'))).toMatchObject({ receivers: 0 })
    await vi.waitFor(() => expect(stranger.texts()).toEqual(['stranger']), soon)
    expect(bob.texts()).toEqual([])
  })

  test('RTC-93: one worker delivers so many a second, and refuses more', async () => {
    newRoom()
    const [alice] = await Promise.all(['alice', 'bob', 'carol', 'dave'].map((userId) => join(userId)))
    if (alice === undefined) throw new Error('nobody is there')
    const tooMuch = await answered(alice, alice.send('x'.repeat(60_000)))
    expect(tooMuch).toMatchObject({ type: 'refused', code: 'limit-exceeded' })
    const ids = Array.from({ length: 50 }, () => alice.send('x'.repeat(2_500)))
    await vi.waitFor(() => expect(ids.every((id) => alice.answerTo(id))).toBe(true), soon)
    const refused = ids.flatMap((id) => alice.answerTo(id)?.detail ?? [])
    expect(new Set(refused)).toEqual(new Set(['The rooms of this server send more than it delivers']))
    expect(refused.length).toBeGreaterThan(0)
    expect(refused.length).toBeLessThan(ids.length)
  })

  test('RTC-95: what is malformed at any level costs its sender alone; the worker and its rooms go on', async () => {
    newRoom()
    const [alice, bob, mallory] = [await join('alice'), await join('bob'), await join('mallory')]
    const sender = await CallMember.join({ ...(await optionsOf('sender')), send: { audio: true } })
    members.push(sender)
    await sender.publish()
    const { transport } = mallory.member.subscriber
    const heard = () =>
      bob.member.subscriber.statistics().inbound.find(({ kind }) => kind === 'audio')?.frames ?? 0
    await vi.waitFor(() => expect(heard()).toBeGreaterThan(5), soon)

    // Messages that are no frames, frames that are no messages.
    for (const garbage of [
      randomBytes(1),
      randomBytes(5_000),
      serializeRoomData({}),
      serializeRoomData({ id: -1 }),
    ]) {
      for (const channel of ['reliable', 'lossy'] as const) mallory.write(channel, garbage)
    }
    const noJson = mallory.send('{', { format: 'json' })
    expect(await answered(mallory, noJson)).toMatchObject({ type: 'refused', code: 'invalid-request' })
    const strange = mallory.send('x', { to: { participantIds: [7] } })
    expect(await answered(mallory, strange)).toMatchObject({ type: 'refused', code: 'invalid-request' })

    // Packets that are no SCTP, and SCTP that makes no sense.
    for (let round = 0; round < 3_000; round++) {
      const noise = randomBytes(randomInt(1, 900))
      if (round % 3 === 0) transport.sendData(noise)
      else {
        const chunks: SctpChunk[] = [
          { type: 'heartbeat', info: noise },
          { type: 'forward-tsn', cumulative: randomInt(2 ** 32), streams: [[randomInt(65_536), 1]] },
          {
            type: 'init',
            tag: 1,
            window: 0,
            outboundStreams: 1,
            inboundStreams: 1,
            initialTsn: 1,
            parameters: [],
          },
        ]
        const chunk = chunks[round % chunks.length]
        if (chunk === undefined) continue
        const verificationTag = chunk.type === 'init' ? 0 : randomInt(2 ** 32)
        transport.sendData(
          serializeSctp({ sourcePort: 5_000, destinationPort: 5_000, verificationTag, chunks: [chunk] }),
        )
      }
      if (round % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    }
    const before = heard()
    expect(await answered(alice, alice.send('after all', { to: { userIds: ['bob'] } }))).toMatchObject({
      receivers: 1,
    })
    await vi.waitFor(() => expect(bob.texts()).toEqual(['after all']), soon)
    await vi.waitFor(() => expect(heard()).toBeGreaterThan(before + 10), soon)
  })

  test('RTC-95: an association that ends leaves its participant in the room, without data', async () => {
    newRoom()
    const [alice, bob] = [await join('alice'), await join('bob')]
    bob.association.close()
    await vi.waitFor(
      async () => expect(await answered(alice, alice.send('hello'))).toMatchObject({ receivers: 0 }),
      soon,
    )
    expect(bob.member.client.events.filter(({ type }) => type === 'rtc.closed')).toEqual([])
  })
})
