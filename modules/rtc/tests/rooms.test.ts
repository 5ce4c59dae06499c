import { randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { type DevCloud, RealtimeClient, startDevCloud } from '@parley/testing/devcloud'
import { SyntheticPeer } from '@parley/testing/rtc-client'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { buildSfu } from './build-sfu.ts'
import { CallMember, type CallMemberOptions } from './call-member.ts'

const missing = await buildSfu()
const soon = { timeout: 15_000, interval: 50 }
const both = { audio: true, video: true } as const

describe.skipIf(missing !== '')(`rooms${missing && ` (skipped: ${missing})`}`, () => {
  let cloud: DevCloud
  let members: CallMember[] = []
  let lastRoom = 0
  let roomId = ''

  beforeAll(async () => {
    cloud = await startDevCloud({ env: { PARLEY_MEDIA_ADDRESSES: '127.0.0.1', PARLEY_RTC_LOUDEST: '3' } })
  })
  afterEach(async () => {
    await Promise.all(members.map((member) => member.close()))
    members = []
  })
  afterAll(() => cloud.close())

  const newRoom = (): void => {
    lastRoom += 1
    roomId = `room ${lastRoom}`
  }
  const join = async (
    userId: string,
    { grants, ...options }: Partial<CallMemberOptions> & { grants?: object } = {},
  ): Promise<CallMember> => {
    const token = await cloud.token(userId, grants && { grants: { rtc: { room: roomId, ...grants } } })
    const device = `device-${userId}`
    const member = await CallMember.join({ url: cloud.url, token, roomId, device, ...options })
    members.push(member)
    return member
  }
  const inbound = (member: CallMember, kind: 'audio' | 'video') =>
    member.subscriber.statistics().inbound.filter((one) => one.kind === kind)
  const frames = (member: CallMember, kind: 'audio' | 'video'): number =>
    inbound(member, kind).reduce((sum, one) => sum + one.frames, 0)
  const code = (outcome: Promise<unknown>): Promise<unknown> =>
    outcome.then(
      () => 'ok',
      (error: { code?: string }) => error.code,
    )

  test('RTC-1: two participants hear and see each other', async () => {
    newRoom()
    const [alice, bob] = [await join('alice', { send: both }), await join('bob', { send: both })]
    expect(bob.joined.participants.map(({ userId }) => userId)).toEqual(['alice'])
    await alice.client.waitFor('rtc.participant-joined', ({ participant }) => participant.userId === 'bob')
    await Promise.all([alice.publish(), bob.publish()])
    await vi.waitFor(() => {
      for (const member of [alice, bob]) {
        expect(frames(member, 'audio')).toBeGreaterThan(20)
        expect(frames(member, 'video')).toBeGreaterThan(20)
      }
    }, soon)
    await alice.client.waitFor('rtc.subscription-changed', ({ active, reason }) => active && reason === 'ok')
    await bob.client.request('rtc.leave', { roomId })
    const left = await alice.client.waitFor(
      'rtc.participant-left',
      ({ participantId }) => participantId === bob.id,
    )
    expect(left.reason).toBe('left')
    expect(alice.client.events.filter(({ type }) => type === 'rtc.publication-removed')).toHaveLength(2)
    expect([...alice.refusals, ...bob.refusals]).toEqual([])
  })

  test('RTC-141: the server begins DTLS on both connections of a member', async () => {
    newRoom()
    const [alice, bob] = [await join('alice', { send: { audio: true } }), await join('bob')]
    await alice.publish()
    const offer = await bob.client.waitFor('rtc.subscribe-offer', () => true)
    expect(offer.sdp).toContain('a=setup:active')
    const peer = new SyntheticPeer({ send: { audio: true } })
    const answer = await bob.client.request('rtc.publish', {
      roomId,
      sdp: await peer.createOffer(),
      publications: [{ mid: '0', kind: 'audio', source: 'microphone', muted: false }],
    })
    peer.close()
    expect(answer.sdp).toContain('a=setup:active')
  })

  test('RTC-8: twenty participants see everybody and hear the loudest', async () => {
    newRoom()
    const layers = [{ bitrateKbps: 30, width: 160, height: 90 }]
    const joining = Array.from({ length: 20 }, (_, index) =>
      join(`user-${index}`, {
        send: {
          audio: { level: index < 3 ? 20 : 60 },
          video: { layers, framesPerSecond: 5 },
        },
      }),
    )
    const everybody = await Promise.all(joining)
    await Promise.all(everybody.map((member) => member.publish()))
    await vi.waitFor(() => {
      for (const member of everybody) {
        const pictures = inbound(member, 'video')
        expect(pictures).toHaveLength(19)
        for (const picture of pictures) expect(picture.frames).toBeGreaterThan(3)
      }
    }, soon)
    const last = everybody.at(-1)
    const speakers = await last?.client.waitFor('rtc.speakers', (event) => event.speakers.length === 3)
    const loudest = everybody.slice(0, 3).map(({ id }) => id)
    expect(speakers?.speakers.map(({ participantId }) => participantId).sort()).toEqual([...loudest].sort())
    await last?.client.waitFor('rtc.subscription-changed', ({ reason }) => reason === 'not-loudest')
    expect(everybody.flatMap(({ refusals }) => refusals)).toEqual([])
  }, 60_000)

  test('RTC-10: a grant opens its room, its sources and its rights only, and nothing changes beyond it', async () => {
    newRoom()
    const alice = await join('alice')
    const own = await cloud.token('mallory', { grants: { rtc: { room: 'another', publish: true } } })
    const outsider = await RealtimeClient.connect(cloud.url, own)
    expect(await code(outsider.request('rtc.join', { roomId }))).toBe('grant-missing')
    expect(await code(outsider.request('rtc.leave', { roomId }))).toBe('ok')
    expect(await code(outsider.request('rtc.mute-other', { roomId, publicationId: 'x' }))).toBe(
      'participant-not-found',
    )
    await outsider.close()

    const bob = await join('bob', { grants: { publish: ['microphone'] }, send: both })
    expect(bob.joined).toMatchObject({ canPublish: ['microphone'], canSubscribe: false, admin: false })
    expect(await code(bob.publish())).toBe('grant-missing')
    expect(await code(bob.client.request('rtc.remove', { roomId, participantId: alice.id }))).toBe(
      'grant-missing',
    )
    expect(alice.client.events.filter(({ type }) => type === 'rtc.publication-added')).toEqual([])
    const carol = await join('carol', { grants: { publish: true, subscribe: true }, send: { audio: true } })
    await carol.publish()
    await vi.waitFor(() => expect(frames(alice, 'audio')).toBeGreaterThan(5), soon)
    expect(bob.client.events.filter(({ type }) => type === 'rtc.subscribe-offer')).toEqual([])
  })

  test('RTC-11: a moderator mutes and removes others', async () => {
    newRoom()
    const alice = await join('alice', { send: { audio: true } })
    const moderator = await join('moderator', { grants: { subscribe: true, admin: true } })
    await alice.publish()
    const publicationId = alice.publications[0]?.id ?? ''
    await vi.waitFor(() => expect(frames(moderator, 'audio')).toBeGreaterThan(5), soon)
    await moderator.client.request('rtc.mute-other', { roomId, publicationId })
    await alice.client.waitFor('rtc.publication-changed', ({ publication }) => publication.muted)
    await moderator.client.waitFor('rtc.subscription-changed', ({ reason }) => reason === 'muted')
    await moderator.client.request('rtc.remove', { roomId, participantId: alice.id })
    expect(await alice.client.waitFor('rtc.closed')).toMatchObject({ reason: 'removed' })
    expect(await code(alice.client.request('rtc.mute', { roomId, publicationId, muted: false }))).toBe(
      'participant-not-found',
    )
  })

  test('RTC-12: what is malformed has a clear code and harms nobody', async () => {
    newRoom()
    const [alice, bob] = [await join('alice', { send: both }), await join('bob')]
    await alice.publish()
    await vi.waitFor(() => expect(frames(bob, 'video')).toBeGreaterThan(5), soon)
    const sdp = await new SyntheticPeer({ send: both, address: '127.0.0.1' }).createOffer()
    const microphone = { mid: '0', kind: 'audio', source: 'microphone' } as const
    const publish = (offer: string, ...publications: object[]) =>
      code(bob.client.request('rtc.publish', { roomId, sdp: offer, publications: publications as never }))
    expect(await publish('nonsense')).toBe('invalid-request')
    expect(await publish(sdp, { ...microphone, mid: '7' })).toBe('invalid-request')
    expect(await publish(sdp, microphone, microphone)).toBe('invalid-request')
    expect(await publish(sdp, { ...microphone, source: 'camera' })).toBe('invalid-request')
    expect(await publish(sdp, { mid: '1', kind: 'audio', source: 'microphone' })).toBe('invalid-request')
    expect(await publish(sdp.replace(/sha-256 \S+/g, `sha-512 ${'AA:'.repeat(63)}AA`), microphone)).toBe(
      'sdp-not-supported',
    )
    expect(await publish(sdp.replaceAll('opus/', 'unheard/').replaceAll('red/', 'unseen/'), microphone)).toBe(
      'sdp-not-supported',
    )
    expect(await code(bob.client.request('rtc.subscribe-answer', { roomId, sdp, version: 99 }))).toBe(
      'conflict',
    )
    expect(
      await code(
        bob.client.request('rtc.candidate', { roomId, connection: 'publish', candidate: 'candidate:x' }),
      ),
    ).toBe('invalid-request')
    await flood(Number(/a=candidate:\S+ 1 udp \d+ \S+ (\d+)/.exec(await offerOf(bob))?.[1]))
    const before = frames(bob, 'video')
    await vi.waitFor(() => expect(frames(bob, 'video')).toBeGreaterThan(before + 20), soon)
    expect(bob.subscriber.statistics()).toMatchObject({ violations: 0, transport: { refusedPackets: 0 } })
  })

  const offerOf = async (member: CallMember): Promise<string> =>
    (await member.client.waitFor('rtc.subscribe-offer')).sdp

  /** Everything that is not of a peer, from an address that is none's: noise, STUN without a user, RTP, DTLS. */
  async function flood(port: number): Promise<void> {
    const socket = createSocket('udp4')
    const first = [0, 1, 20, 22, 23, 63, 64, 128, 200, 255]
    for (let round = 0; round < 200; round++) {
      const datagram = randomBytes(4 + (round % 1_200))
      datagram[0] = first[round % first.length] ?? 0
      if (round % 10 < 2) Buffer.from('0001000c2112a442', 'hex').copy(datagram)
      await new Promise((resolve) => socket.send(datagram, port, '127.0.0.1', resolve))
    }
    socket.close()
  }

  test('RTC-13: the size of the element chooses the layer, and nothing is sent for hidden ones', async () => {
    newRoom()
    const layers = [
      { rid: 'q', bitrateKbps: 60, width: 320, height: 180 },
      { rid: 'f', bitrateKbps: 200, width: 1280, height: 720 },
    ]
    const alice = await join('alice', { send: { video: { layers } } })
    const bob = await join('bob')
    await alice.publish()
    const publicationId = alice.publications[0]?.id ?? ''
    const width = () => inbound(bob, 'video')[0]?.width
    const wish = (item: object) =>
      bob.client.request('rtc.subscriptions', { roomId, items: [{ publicationId, ...item }] })
    await vi.waitFor(() => expect(width()).toBe(1280), soon)
    await wish({ width: 300, height: 170 })
    await vi.waitFor(() => expect(width()).toBe(320), soon)
    await wish({ enabled: false })
    await bob.client.waitFor('rtc.subscription-changed', ({ reason }) => reason === 'disabled-by-subscriber')
    await vi.waitFor(async () => {
      const before = frames(bob, 'video')
      await new Promise((resolve) => setTimeout(resolve, 200))
      expect(frames(bob, 'video')).toBe(before)
    }, soon)
    await wish({ width: 1280, height: 720 })
    await vi.waitFor(() => expect(width()).toBe(1280), soon)
  })

  test('RTC-14: REST shows rooms and participants, and removes them', async () => {
    newRoom()
    const path = `/v1/rtc/rooms/${encodeURIComponent(roomId)}`
    expect(await cloud.call('GET', path)).toMatchObject({ status: 404, body: { code: 'room-not-found' } })
    const made = await cloud.call('POST', '/v1/rtc/rooms', { id: roomId, name: 'Standup' })
    expect(made).toMatchObject({ status: 201, body: { id: roomId, name: 'Standup', participantCount: 0 } })
    expect(await cloud.call('POST', '/v1/rtc/rooms', { id: roomId })).toMatchObject({ status: 409 })
    const alice = await join('alice', { send: { audio: true } })
    await alice.publish()
    expect((await cloud.call('GET', `${path}/participants`)).body).toMatchObject({
      items: [
        {
          id: alice.id,
          userId: 'alice',
          publications: [
            { id: alice.publications[0]?.id, kind: 'audio', source: 'microphone', muted: false },
          ],
        },
      ],
    })
    const token = await cloud.token('bob', { grants: { rtc: { room: roomId, subscribe: true } } })
    const one = `${path}/participants/${alice.id}`
    expect(await cloud.call('DELETE', one, undefined, { token })).toMatchObject({ status: 403 })
    expect(await cloud.call('DELETE', one)).toMatchObject({ status: 200 })
    expect(await alice.client.waitFor('rtc.closed')).toMatchObject({ reason: 'removed' })
    expect(await cloud.call('DELETE', one)).toMatchObject({ body: { code: 'participant-not-found' } })
    const bob = await join('bob')
    expect(await cloud.call('DELETE', path)).toMatchObject({ status: 200 })
    expect(await bob.client.waitFor('rtc.closed')).toMatchObject({ reason: 'room-closed' })
    expect(await cloud.call('GET', path)).toMatchObject({ status: 404 })
  })

  test('RTC-15: what happened, what was used and how well it went is written down', async () => {
    newRoom()
    const [alice, bob] = [await join('alice', { send: both }), await join('bob')]
    await alice.publish()
    await vi.waitFor(() => expect(frames(bob, 'video')).toBeGreaterThan(20), soon)
    await bob.client.request('rtc.report', { roomId, facts: { audioFreezeMs: 0 } })
    const database = new pg.Client({ connectionString: cloud.databaseUrl })
    await database.connect()
    await database.query(`select set_config('parley.project_id', '*', false)`)
    try {
      await vi.waitFor(async () => {
        const quality = await database.query(
          `select distinct name from telemetry.points where subject = $1 or subject = $2 order by name`,
          [`participant/${alice.id}`, `participant/${bob.id}`],
        )
        expect(quality.rows.map(({ name }) => name)).toEqual([
          'rtc.client',
          'rtc.path',
          'rtc.received',
          'rtc.sent',
        ])
      }, soon)
      await alice.client.request('rtc.leave', { roomId })
      await vi.waitFor(async () => {
        const events = await database.query(
          `select type from outbox.events where resource = $1 order by position`,
          [`room/${roomId}`],
        )
        expect(events.rows.map(({ type }) => type)).toEqual([
          ...['room.created', 'room.participant-joined', 'room.participant-joined'],
          ...['room.publication-added', 'room.publication-added'],
          ...['room.publication-removed', 'room.publication-removed', 'room.participant-left'],
        ])
        const usage = await database.query(
          `select kind, max(received_width) as width, sum(extract(epoch from to_at - from_at))::float as seconds
            from ledger.intervals where subscriber = $1 group by kind order by kind`,
          [bob.id],
        )
        expect(usage.rows).toMatchObject([{ kind: 'rtc-audio' }, { kind: 'rtc-video', width: 640 }])
        for (const { seconds } of usage.rows) expect(seconds).toBeGreaterThan(0.3)
      }, soon)
    } finally {
      await database.end()
    }
  })

  test('RTC-16: a place is kept for its user only, and a second join of a connection gives up the first', async () => {
    newRoom()
    const [alice, bob] = [await join('alice', { send: { audio: true } }), await join('bob')]
    await alice.publish()
    await vi.waitFor(() => expect(frames(bob, 'audio')).toBeGreaterThan(5), soon)
    alice.client.terminate()
    const mallory = await RealtimeClient.connect(cloud.url, await cloud.token('mallory'))
    expect(await mallory.request('rtc.join', { roomId, participantId: alice.id })).toMatchObject({
      resumed: false,
    })
    await mallory.close()
    const again = await RealtimeClient.connect(cloud.url, await cloud.token('alice'))
    const taken = await again.request('rtc.join', { roomId, participantId: alice.id })
    expect(taken).toMatchObject({ resumed: true, participantId: alice.id })
    const before = frames(bob, 'audio')
    await vi.waitFor(() => expect(frames(bob, 'audio')).toBeGreaterThan(before + 5), soon)
    const anew = await again.request('rtc.join', { roomId })
    expect(anew).toMatchObject({ resumed: false })
    await bob.client.waitFor('rtc.participant-left', ({ participantId }) => participantId === alice.id)
    await again.close()
  })

  test('RTC-19: a client that lost its connections offers and answers from new ones', async () => {
    newRoom()
    const [alice, bob] = [await join('alice', { send: both }), await join('bob', { send: both })]
    await Promise.all([alice.publish(), bob.publish()])
    await vi.waitFor(() => expect(frames(bob, 'video')).toBeGreaterThan(5), soon)
    const lost = [bob.publisher, bob.subscriber]
    bob.publisher = new SyntheticPeer({ address: '127.0.0.1', send: both })
    bob.subscriber = new SyntheticPeer({ address: '127.0.0.1' })
    await bob.publish()
    await bob.client.request('rtc.restart-subscribe', { roomId })
    await vi.waitFor(() => {
      expect(frames(bob, 'video')).toBeGreaterThan(20)
      expect(inbound(alice, 'video').filter((one) => one.frames > 20)).not.toHaveLength(0)
    }, soon)
    expect(bob.client.events.filter(({ type }) => type === 'rtc.closed')).toEqual([])
    for (const peer of lost) peer.close()
  })

  test('RTC-182: a subscribe connection that is made anew is offered once, over a new transport', async () => {
    newRoom()
    const [alice, bob] = [await join('alice', { send: both }), await join('bob')]
    await alice.publish()
    await vi.waitFor(() => expect(frames(bob, 'video')).toBeGreaterThan(5), soon)
    const offers = () => bob.client.events.filter(({ type }) => type === 'rtc.subscribe-offer').length
    const before = offers()
    const lost = bob.subscriber
    bob.subscriber = new SyntheticPeer({ address: '127.0.0.1' })
    await bob.client.request('rtc.restart-subscribe', { roomId, anew: true })
    await vi.waitFor(() => expect(frames(bob, 'video')).toBeGreaterThan(5), soon)
    expect(offers()).toBe(before + 1)
    expect(bob.client.events.filter(({ type }) => type === 'rtc.closed')).toEqual([])
    lost.close()
  })
})
