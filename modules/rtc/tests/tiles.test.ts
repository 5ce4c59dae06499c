import { serializeRtcp } from '@parley/protocols/rtcp'
import { type DevCloud, startDevCloud } from '@parley/testing/devcloud'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { buildSfu } from './build-sfu.ts'
import { CallMember, type CallMemberOptions } from './call-member.ts'

const missing = await buildSfu()
const soon = { timeout: 20_000, interval: 20 }
const video = { layers: [{ rid: 'q', bitrateKbps: 300, width: 320, height: 180 }] }

describe.skipIf(missing !== '')(`tiles${missing && ` (skipped: ${missing})`}`, () => {
  let cloud: DevCloud
  const members: CallMember[] = []
  const timers: NodeJS.Timeout[] = []

  beforeAll(async () => {
    cloud = await startDevCloud({ env: { PARLEY_MEDIA_ADDRESSES: '127.0.0.1' } })
  })
  afterEach(async () => {
    for (const timer of timers.splice(0)) clearInterval(timer)
    await Promise.all(members.splice(0).map((member) => member.close()))
  })
  afterAll(() => cloud?.close())

  async function join(roomId: string, userId: string, more: Partial<CallMemberOptions> = {}) {
    const token = await cloud.token(userId)
    const member = await CallMember.join({ url: cloud.url, token, roomId, device: userId, ...more })
    members.push(member)
    return member
  }
  const pictures = (member: CallMember) =>
    member.subscriber.statistics().inbound.filter(({ kind }) => kind === 'video')
  const toldOf = (member: CallMember, publication: string) =>
    member.client.events.flatMap((event) =>
      event.type === 'rtc.subscription-changed' && event.publicationId === publication ? [event.reason] : [],
    )

  test('RTC-148: one picture takes the place of another in one request, where there is room for one', async () => {
    const roomId = 'one tile'
    const publishers = [
      await join(roomId, 'alice', { send: { video } }),
      await join(roomId, 'bob', { send: { video } }),
    ]
    for (const publisher of publishers) await publisher.publish({ audio: 'microphone', video: 'camera' })
    const [one = '', other = ''] = publishers.map(({ publications }) => publications[0]?.id ?? '')
    const carol = await join(roomId, 'carol')
    const wish = (enabled: Record<string, boolean>) =>
      carol.client.request('rtc.subscriptions', {
        roomId,
        items: Object.entries(enabled).map(([publicationId, on]) => ({ publicationId, enabled: on })),
      })
    await wish({ [one]: true, [other]: false })
    await carol.subscriber.connected
    const bitrate = 550_000
    const estimate = { type: 'receiver-estimate', senderSsrc: 1, mediaSsrc: 0, ssrcs: [1], bitrate } as const
    timers.push(setInterval(() => carol.subscriber.transport.sendRtcp(serializeRtcp([estimate])), 50))
    // The limit is known when both together do not fit.
    await vi.waitFor(() => expect(toldOf(carol, one).at(-1)).toBe('ok'), soon)
    await vi.waitFor(async () => {
      await wish({ [one]: true, [other]: true })
      expect([...toldOf(carol, one), ...toldOf(carol, other)]).toContain('bandwidth')
    }, soon)
    await wish({ [one]: true, [other]: false })
    await vi.waitFor(() => expect(toldOf(carol, one).at(-1)).toBe('ok'), { ...soon, timeout: 40_000 })
    for (let round = 0; round < 4; round++) {
      const [shown, next] = round % 2 === 0 ? [one, other] : [other, one]
      carol.client.events.length = 0
      await wish({ [next]: true, [shown]: false })
      await vi.waitFor(() => expect(toldOf(carol, next)).toContain('ok'), soon)
      expect(toldOf(carol, next)).toEqual(['ok'])
      expect(toldOf(carol, shown)).toEqual(['disabled-by-subscriber'])
    }
  }, 90_000)

  test('RTC-149: who comes to a picture soon after somebody else gets the same key frame, encrypted end to end or not', async () => {
    for (const e2ee of [false, true]) {
      const roomId = `soon after ${e2ee}`
      const alice = await join(roomId, 'alice', { e2ee, send: { video } })
      const watchers = [await join(roomId, 'bob', { e2ee }), await join(roomId, 'carol', { e2ee })] as const
      await alice.publish({ audio: 'microphone', video: 'camera' })
      const publicationId = alice.publications[0]?.id ?? ''
      const wish = (member: CallMember, enabled: boolean) =>
        member.client.request('rtc.subscriptions', { roomId, items: [{ publicationId, enabled }] })
      const keyFrames = (member: CallMember) =>
        pictures(member).reduce((sum, { keyFrames }) => sum + keyFrames, 0)
      const asked = () =>
        alice.publisher.statistics().outbound.reduce((sum, { keyFrameRequests }) => sum + keyFrameRequests, 0)
      for (const watcher of watchers)
        await vi.waitFor(() => expect(keyFrames(watcher)).toBeGreaterThan(0), soon)
      const [bob, carol] = watchers
      // On a busy machine one round may be too slow to prove anything.
      await vi.waitFor(async () => {
        await Promise.all(watchers.map((watcher) => wish(watcher, false)))
        const [before, bobHad, carolHad] = [asked(), keyFrames(bob), keyFrames(carol)]
        await new Promise((resolve) => setTimeout(resolve, 700))
        await wish(bob, true)
        await vi.waitFor(() => expect(keyFrames(bob)).toBeGreaterThan(bobHad), soon)
        await wish(carol, true)
        await vi.waitFor(() => expect(keyFrames(carol)).toBeGreaterThan(carolHad), soon)
        expect(asked() - before).toBe(1)
      }, soon)
      const lost = pictures(carol).map(({ missing, abandoned }) => missing + abandoned)
      expect(lost.every((count) => count === 0)).toBe(true)
    }
  }, 90_000)
})
