import { execFileSync } from 'node:child_process'
import { type DevCloud, startDevCloud } from '@parley/testing/devcloud'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { buildSfu } from './build-sfu.ts'
import { CallMember } from './call-member.ts'

const missing = await buildSfu()
const soon = { timeout: 15_000, interval: 50 }

describe.skipIf(missing !== '')(`failures${missing && ` (skipped: ${missing})`}`, () => {
  let cloud: DevCloud
  beforeAll(async () => {
    cloud = await startDevCloud({ servers: 2, env: { PARLEY_MEDIA_ADDRESSES: '127.0.0.1' } })
  })
  afterAll(() => cloud.close())

  const workers = (): number[] =>
    execFileSync('pgrep', ['-P', String(process.pid), '-f', 'dist/sfu.js'])
      .toString()
      .trim()
      .split('\n')
      .map(Number)
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

  test('RTC-20: a media worker that is killed costs its rooms only, and they come back on the next', async () => {
    const [first = '', second = ''] = cloud.servers.map(({ url }) => url)
    const here = await call(first, 'here')
    const there = await call(second, 'there')
    const offer = await here.bob.client.waitFor('rtc.subscribe-offer')
    const port = Number(/a=candidate:\S+ 1 udp \d+ \S+ (\d+)/.exec(offer.sdp)?.[1])
    const victim = workers().find((pid) => socketsOf(pid).includes(port))
    if (victim === undefined) throw new Error('no worker owns the port')
    process.kill(victim, 'SIGKILL')
    for (const { client } of [here.alice, here.bob]) {
      expect(await client.waitFor('rtc.closed')).toMatchObject({ reason: 'connection-lost' })
    }
    const frames = () =>
      there.bob.subscriber.statistics().inbound.find(({ kind }) => kind === 'video')?.frames ?? 0
    const before = frames()
    await here.close()
    const again = await call(first, 'here')
    await again.close()
    expect(frames()).toBeGreaterThan(before)
    expect(there.bob.client.events.filter(({ type }) => type === 'rtc.closed')).toEqual([])
    await there.close()
  }, 60_000)

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
    await Promise.all(
      [here.alice, here.bob].map(({ client }) => client.request('rtc.leave', { roomId: 'single' })),
    )
    await here.close()
    const token = await cloud.token('carol')
    const carol = await vi.waitFor(() => CallMember.join({ url: second, token, roomId: 'single' }), soon)
    await carol.close()
  })

  /** UDP ports the process listens on. */
  function socketsOf(pid: number): number[] {
    const open = execFileSync('ls', ['-l', `/proc/${pid}/fd`]).toString()
    const inodes = new Set([...open.matchAll(/socket:\[(\d+)\]/g)].map((match) => match[1]))
    return execFileSync('cat', [`/proc/${pid}/net/udp`])
      .toString()
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => inodes.has(fields[9]))
      .map((fields) => Number.parseInt(fields[1]?.split(':')[1] ?? '', 16))
  }
})
