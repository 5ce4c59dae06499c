import { Worker } from 'node:worker_threads'
import { type DevCloud, startDevCloud } from '@parley/testing/devcloud'
import { freezeThread, mediaWorkerOn, missingForFreezing } from '@parley/testing/media-workers'
import { SyntheticPeer } from '@parley/testing/rtc-client'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { buildSfu } from './build-sfu.ts'
import { CallMember } from './call-member.ts'

const missing = await buildSfu()
const missingTracer = missingForFreezing()
const flooding = `
const { workerData: port } = require('node:worker_threads')
const socket = require('node:dgram').createSocket('udp4')
const bytes = Buffer.alloc(200, 1)
const some = () => {
  for (let count = 0; count < 100; count++) socket.send(bytes, port, '127.0.0.1')
  setTimeout(some, 2)
}
some()
`
const soon = { timeout: 20_000, interval: 50 }

describe.skipIf(missing !== '')(`full workers${missing && ` (skipped: ${missing})`}`, () => {
  let cloud: DevCloud
  const members: CallMember[] = []
  const floods: Worker[] = []
  beforeEach(async () => {
    cloud = await startDevCloud({
      env: {
        PARLEY_MEDIA_ADDRESSES: '127.0.0.1',
        PARLEY_RTC_WORKERS: '2',
        PARLEY_RTC_WORKER_FULL_PERCENT: '1',
      },
    })
  })
  afterEach(async () => {
    await Promise.all(floods.splice(0).map((thread) => thread.terminate()))
    await Promise.all(members.splice(0).map((member) => member.close()))
    await cloud.close()
  })

  const join = async (userId: string): Promise<CallMember> => {
    const member = await CallMember.join({
      ...{ url: cloud.url, token: await cloud.token(userId), roomId: 'call', device: userId },
      send: { audio: true, video: true },
    })
    members.push(member)
    return member
  }
  const portOf = async (member: CallMember): Promise<number> => {
    const { sdp } = await member.client.waitFor('rtc.subscribe-offer')
    return Number(/a=candidate:\S+ 1 udp \d+ \S+ (\d+)/.exec(sdp)?.[1])
  }
  /** What nobody claims, but has to be looked at, as fast as one thread sends. */
  const flood = (port: number): Worker => {
    const thread = new Worker(flooding, { eval: true, workerData: port })
    floods.push(thread)
    return thread
  }
  const busyness = async (): Promise<number[]> => {
    const page = await (await fetch(`${cloud.url}/metrics`)).text()
    return [...page.matchAll(/^parley_rtc_worker_busy_ratio\{worker="\d"\} (\S+)$/gm)].map(([, value]) =>
      Number(value),
    )
  }
  const isFull = (count: number) => async () =>
    expect((await busyness()).filter((share) => share > 0.01)).toHaveLength(count)

  test('RTC-132: a full worker takes no newcomers; when all are full they are refused, and who is in goes on', async () => {
    const alice = await join('alice')
    await alice.publish()
    const first = await join('bob')
    const port = await portOf(first)
    const ends = [flood(port)]
    await vi.waitFor(isFull(1), soon)
    const carol = await join('carol')
    const otherPort = await portOf(carol)
    expect(otherPort).not.toBe(port)
    ends.push(flood(otherPort))
    await vi.waitFor(isFull(2), soon)
    await expect(join('dave')).rejects.toMatchObject({
      code: 'overloaded',
      error: { retryable: true, retryAfterMs: expect.any(Number) },
    })
    const frames = () =>
      carol.subscriber.statistics().inbound.find(({ kind }) => kind === 'video')?.frames ?? 0
    const before = frames()
    await vi.waitFor(() => expect(frames()).toBeGreaterThan(before + 10), soon)
    const publisher = new SyntheticPeer({ address: '127.0.0.1', send: { audio: true } })
    const refusing = await fetch(`${cloud.url}/v1/rtc/rooms/call/whip`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${await cloud.token('erin')}`,
        'content-type': 'application/sdp',
      },
      body: await publisher.createOffer(),
    })
    expect([refusing.status, refusing.headers.has('retry-after')]).toEqual([503, true])
    publisher.close()
    await Promise.all(ends.map((thread) => thread.terminate()))
    await vi.waitFor(isFull(0), soon)
    await join('dave')
  }, 60_000)

  test.skipIf(missingTracer !== '')(
    'RTC-132: a worker whose JavaScript is late takes no newcomers while another keeps up',
    async () => {
      const alice = await join('alice')
      await alice.publish()
      const bob = await join('bob')
      const port = await portOf(bob)
      const thaw = await freezeThread(mediaWorkerOn(port))
      try {
        await new Promise((resolve) => setTimeout(resolve, 3_000))
        const carol = await join('carol')
        expect(await portOf(carol)).not.toBe(port)
      } finally {
        await thaw()
      }
    },
    60_000,
  )
})
