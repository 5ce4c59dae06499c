import { type DevCloud, startDevCloud } from '@parley/testing/devcloud'
import { mediaWorkerOn } from '@parley/testing/media-workers'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { buildSfu } from './build-sfu.ts'
import { CallMember } from './call-member.ts'

const missing = await buildSfu()
const soon = { timeout: 15_000, interval: 20 }
const tell = (what: string, ms: number): void => {
  if (process.env.PARLEY_TABLES === '1') process.stdout.write(`${what}: ${Math.round(ms)} ms\n`)
}

describe.skipIf(missing !== '')(`failures${missing && ` (skipped: ${missing})`}`, () => {
  let cloud: DevCloud
  beforeAll(async () => {
    cloud = await startDevCloud({ servers: 2, env: { PARLEY_MEDIA_ADDRESSES: '127.0.0.1' } })
  })
  afterAll(() => cloud.close())

  const call = async (url: string, roomId: string) => {
    const send = { audio: true, video: true } as const
    const [alice, bob] = await Promise.all(
      ['alice', 'bob'].map(async (userId) =>
        CallMember.join({
          url,
          token: await cloud.token(userId),
          roomId,
          device: `${userId} ${roomId}`,
          send,
        }),
      ),
    )
    if (alice === undefined || bob === undefined) throw new Error('nobody joined')
    await alice.publish()
    await vi.waitFor(() => {
      const { inbound } = bob.subscriber.statistics()
      expect(inbound.find(({ kind }) => kind === 'video')?.frames).toBeGreaterThan(10)
    }, soon)
    return { alice, bob, close: () => Promise.all([alice.close(), bob.close()]) }
  }

  const videoOf = (peer: CallMember['subscriber']) =>
    peer.statistics().inbound.find(({ kind }) => kind === 'video')?.frames ?? 0
  const workerBehind = ({ sdp }: { sdp: string }): number =>
    mediaWorkerOn(Number(/a=candidate:\S+ 1 udp \d+ \S+ (\d+)/.exec(sdp)?.[1]))

  test.each([
    ['is killed', 'SIGKILL'],
    ['hangs', 'SIGSTOP'],
  ] as const)(
    'RTC-20: a media worker that %s costs a moment of its calls, and others nothing',
    async (_, signal) => {
      const [first = '', second = ''] = cloud.servers.map(({ url }) => url)
      const here = await call(first, `here ${signal}`)
      const there = await call(second, `there ${signal}`)
      const { client } = here.bob
      const offers = () => client.events.filter(({ type }) => type === 'rtc.subscribe-offer').length
      const before = { publications: here.alice.publications, others: videoOf(there.bob.subscriber) }
      const { subscriber } = here.bob
      const victim = workerBehind(await client.waitFor('rtc.subscribe-offer'))
      const seen = offers()
      const endedAt = performance.now()
      process.kill(victim, signal)
      await vi.waitFor(() => {
        expect(here.bob.subscriber).not.toBe(subscriber)
        expect(videoOf(here.bob.subscriber)).toBeGreaterThan(10)
      }, soon)
      tell(
        `media after a worker that ${signal === 'SIGKILL' ? 'is killed' : 'hangs'}`,
        performance.now() - endedAt,
      )
      expect(here.alice.publications).toEqual(before.publications)
      expect(offers()).toBeGreaterThan(seen)
      expect(here.alice.refusals).toEqual([])
      for (const member of [here.alice, here.bob]) {
        const told = member.client.events.map(({ type }) => type)
        expect(told).not.toContain('rtc.closed')
        expect(told).not.toContain('rtc.participant-left')
        expect(told).not.toContain('rtc.publication-removed')
      }
      expect(videoOf(there.bob.subscriber)).toBeGreaterThan(before.others)
      expect(there.bob.client.events.map(({ type }) => type)).not.toContain('rtc.moved')
      await here.close()
      await there.close()
    },
    60_000,
  )

  test('RTC-21: a room lives on one server process; another says so', async () => {
    const [first = '', second = ''] = cloud.servers.map(({ url }) => url)
    const here = await call(first, 'single')
    const joining = CallMember.join({ url: second, token: await cloud.token('carol'), roomId: 'single' })
    await expect(joining).rejects.toMatchObject({ code: 'unavailable', error: { retryable: true } })
    expect(
      await cloud.call('GET', '/v1/rtc/rooms/single/participants', undefined, { server: 1 }),
    ).toMatchObject({
      status: 503,
    })
    // Where the session may well be, it is not denied.
    const session = await fetch(new URL('/v1/rtc/rooms/single/whip/part_1', second), {
      ...{ method: 'DELETE', headers: { authorization: `Bearer ${await cloud.token('carol')}` } },
    })
    expect(session.status).toBe(503)
    await Promise.all(
      [here.alice, here.bob].map(({ client }) => client.request('rtc.leave', { roomId: 'single' })),
    )
    await here.close()
    const token = await cloud.token('carol')
    const carol = await vi.waitFor(() => CallMember.join({ url: second, token, roomId: 'single' }), soon)
    await carol.close()
  })
})
