import { type DevCloud, startDevCloud } from '@parley/testing/devcloud'
import { mediaWorkerOn } from '@parley/testing/media-workers'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { buildSfu } from './build-sfu.ts'
import { CallMember } from './call-member.ts'

const missing = await buildSfu()
const soon = { timeout: 15_000, interval: 50 }
const layers = [
  { rid: 'q', bitrateKbps: 100, width: 320, height: 180 },
  { rid: 'h', bitrateKbps: 250, width: 640, height: 360 },
  { rid: 'f', bitrateKbps: 700, width: 1280, height: 720 },
]

describe.skipIf(missing !== '')(`a room over two workers${missing && ` (skipped: ${missing})`}`, () => {
  let cloud: DevCloud
  let roomNumber = 0
  let roomId = ''
  const members: CallMember[] = []
  beforeAll(async () => {
    cloud = await startDevCloud({
      env: {
        PARLEY_MEDIA_ADDRESSES: '127.0.0.1',
        PARLEY_RTC_WORKERS: '2',
        PARLEY_RTC_ROOM_SPREAD: '1',
        PARLEY_RTC_LOUDEST: '2',
      },
    })
  })
  afterAll(() => cloud.close())
  beforeEach(() => {
    roomId = `room-${++roomNumber}`
  })
  afterEach(async () => {
    await Promise.all(members.splice(0).map((member) => member.close()))
  })

  const join = async (userId: string, identity: number, level = 30): Promise<CallMember> => {
    const member = await CallMember.join({
      ...{ url: cloud.url, token: await cloud.token(userId), roomId, device: userId },
      send: { audio: { identity, level }, video: { identity, layers } },
    })
    members.push(member)
    return member
  }
  const joinAll = async (count: number): Promise<CallMember[]> => {
    const all: CallMember[] = []
    // One after the other: each goes where least is.
    for (let index = 0; index < count; index++) {
      const member = await join(`user-${index}`, index + 1, 20 + index)
      await member.publish()
      all.push(member)
    }
    return all
  }
  const inbound = (member: CallMember, identity: number, kind: 'audio' | 'video') =>
    member.subscriber
      .statistics()
      .inbound.find((stream) => stream.kind === kind && stream.identities.includes(identity))
  const portOf = async (member: CallMember) => {
    const { sdp } = await member.client.waitFor('rtc.subscribe-offer')
    return Number(/a=candidate:\S+ 1 udp \d+ \S+ (\d+)/.exec(sdp)?.[1])
  }
  const reaches = (from: CallMember, to: CallMember) => {
    const identity = members.indexOf(from) + 1
    expect(inbound(to, identity, 'video')?.frames ?? 0).toBeGreaterThan(10)
  }

  test('RTC-80: everybody gets everyone, wherever their media is, and hears the loudest of all', async () => {
    const all = await joinAll(4)
    const ports = await Promise.all(all.map(portOf))
    expect(new Set(ports).size).toBe(2)
    await vi.waitFor(() => {
      for (const from of all) for (const to of all) if (from !== to) reaches(from, to)
    }, soon)
    const quiet = all.slice(2).map(({ publications }) => publications.find(({ mid }) => mid === '0')?.id)
    await vi.waitFor(() => {
      for (const member of all) {
        const told = new Map(
          member.client.events.flatMap((event) =>
            event.type === 'rtc.subscription-changed' ? [[event.publicationId, event.reason] as const] : [],
          ),
        )
        for (const id of quiet) {
          if (id && !member.publications.some((own) => own.id === id))
            expect(told.get(id)).toBe('not-loudest')
        }
      }
    }, soon)
    for (const [index, member] of all.entries()) {
      const speakers = await member.client.waitFor('rtc.speakers', (event) => event.speakers.length === 4)
      expect(new Set(speakers.speakers.map(({ participantId }) => participantId))).toEqual(
        new Set(all.map(({ id }) => id)),
      )
      for (const loud of [1, 2].filter((identity) => identity !== index + 1)) {
        const before = inbound(member, loud, 'audio')?.frames ?? 0
        await vi.waitFor(
          () => expect(inbound(member, loud, 'audio')?.frames ?? 0).toBeGreaterThan(before + 10),
          soon,
        )
      }
    }
    for (const member of all) {
      for (const { identities } of member.subscriber.statistics().inbound) expect(identities).toHaveLength(1)
    }
  }, 60_000)

  test('RTC-81: each layer crosses while somebody over there wants it; key-frame requests cross back as one', async () => {
    const [near, far, other] = await joinAll(3)
    if (!near || !far || !other) throw new Error('nobody joined')
    const id = near.publications.find(({ mid }) => mid === '1')?.id ?? ''
    const height = (member: CallMember) => inbound(member, 1, 'video')?.height
    const wish = (member: CallMember, size: { width: number; height: number }) =>
      member.client.request('rtc.subscriptions', { roomId, items: [{ publicationId: id, ...size }] })
    await vi.waitFor(() => expect([height(far), height(other)]).toEqual([720, 720]), soon)
    await wish(far, { width: 320, height: 180 })
    await vi.waitFor(() => expect(height(far)).toBe(180), soon)
    await wish(far, { width: 640, height: 360 })
    await vi.waitFor(() => expect(height(far)).toBe(360), soon)
    await wish(far, { width: 1280, height: 720 })
    await vi.waitFor(() => expect(height(far)).toBe(720), soon)
    const frames = () => inbound(far, 1, 'video')?.frames ?? 0
    const before = frames()
    await vi.waitFor(() => expect(frames()).toBeGreaterThan(before + 10), soon)
    const asked = () => near.publisher.statistics().outbound.map(({ keyFrameRequests }) => keyFrameRequests)
    // Each layer is asked for when it begins to be shown, and no more often than each half second.
    expect(Math.max(...asked())).toBeLessThan(15)
  }, 60_000)

  test('RTC-82: a layer that nobody watches on any worker need not be sent', async () => {
    const [near, far, other] = await joinAll(3)
    if (!near || !far || !other) throw new Error('nobody joined')
    const id = near.publications.find(({ mid }) => mid === '1')?.id ?? ''
    const small = { roomId, items: [{ publicationId: id, width: 320, height: 180 }] }
    await far.client.request('rtc.subscriptions', small)
    const idle = near.client.waitFor(
      'rtc.publication-layers',
      ({ publicationId, active }) => publicationId === id && active.join() === 'true,false,false',
      20_000,
    )
    await other.client.request('rtc.subscriptions', small)
    await idle
    // Somebody on the other worker wants the best again.
    near.client.events.length = 0
    await far.client.request('rtc.subscriptions', {
      ...{ roomId, items: [{ publicationId: id, width: 1280, height: 720 }] },
    })
    await near.client.waitFor('rtc.publication-layers', ({ active }) => active[2] === true)
    await vi.waitFor(() => expect(inbound(far, 1, 'video')?.height).toBe(720), soon)
  }, 60_000)

  test('RTC-83: the end of one of the workers moves its participants; the others lose what came from there', async () => {
    const all = await joinAll(4)
    const ports = await Promise.all(all.map(portOf))
    await vi.waitFor(() => {
      for (const from of all) for (const to of all) if (from !== to) reaches(from, to)
    }, soon)
    const moved = all.filter((_, index) => ports[index] === ports[0])
    const stayed = all.filter((member) => !moved.includes(member))
    expect([moved.length, stayed.length]).toEqual([2, 2])
    const ids = all.map(({ publications }) => publications)
    const subscribers = all.map(({ subscriber }) => subscriber)
    process.kill(mediaWorkerOn(ports[0] ?? 0), 'SIGKILL')
    await vi.waitFor(() => {
      for (const member of moved) expect(member.client.events.map(({ type }) => type)).toContain('rtc.moved')
      for (const member of moved) expect(subscribers).not.toContain(member.subscriber)
    }, soon)
    const seen = new Map(
      all.map((to) => [to, all.map((_, from) => inbound(to, from + 1, 'video')?.frames ?? 0)]),
    )
    await vi.waitFor(() => {
      for (const to of all) {
        for (const [index, from] of all.entries()) {
          if (from === to) continue
          const before = seen.get(to)?.[index] ?? 0
          expect(inbound(to, index + 1, 'video')?.frames ?? 0).toBeGreaterThan(before + 10)
        }
      }
    }, soon)
    expect(all.map(({ publications }) => publications)).toEqual(ids)
    for (const member of stayed) {
      const told = member.client.events.map(({ type }) => type)
      expect(told).not.toContain('rtc.moved')
      expect(told).not.toContain('rtc.publication-removed')
      expect(told).not.toContain('rtc.participant-left')
    }
    for (const member of all) {
      expect(member.refusals).toEqual([])
      for (const { identities } of member.subscriber.statistics().inbound) expect(identities).toHaveLength(1)
    }
  }, 60_000)
})
