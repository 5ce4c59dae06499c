import { type DevCloud, startDevCloud } from '@parley/testing/devcloud'
import { freezeThread, mediaWorkerOn, missingForFreezing, threadOf } from '@parley/testing/media-workers'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { buildSfu } from './build-sfu.ts'
import { CallMember } from './call-member.ts'

const missing = (await buildSfu()) || missingForFreezing()
const soon = { timeout: 20_000, interval: 20 }

describe.skipIf(missing !== '')(`signs of life${missing && ` (skipped: ${missing})`}`, () => {
  let cloud: DevCloud | undefined
  const members: CallMember[] = []
  const thaws: (() => Promise<void>)[] = []
  afterEach(async () => {
    for (const thaw of thaws.splice(0)) await thaw()
    await Promise.all(members.splice(0).map((member) => member.close()))
    await cloud?.close()
  })

  /** Two in a call, and the process that carries it. */
  const call = async (env: Record<string, string> = {}) => {
    const running = await startDevCloud({
      env: { PARLEY_MEDIA_ADDRESSES: '127.0.0.1', PARLEY_RTC_WORKERS: '1', ...env },
    })
    cloud = running
    const join = async (userId: string): Promise<CallMember> => {
      const member = await CallMember.join({
        ...{ url: running.url, token: await running.token(userId), roomId: 'call', device: userId },
        send: { audio: true, video: true },
      })
      members.push(member)
      return member
    }
    const alice = await join('alice')
    const bob = await join('bob')
    await alice.publish()
    const frames = () => bob.subscriber.statistics().inbound.find(({ kind }) => kind === 'video')?.frames ?? 0
    await vi.waitFor(() => expect(frames()).toBeGreaterThan(10), soon)
    const { sdp } = await bob.client.waitFor('rtc.subscribe-offer')
    const worker = mediaWorkerOn(Number(/a=candidate:\S+ 1 udp \d+ \S+ (\d+)/.exec(sdp)?.[1]))
    const freeze = async (thread: number) => {
      const thaw = await freezeThread(thread)
      thaws.push(thaw)
      return thaw
    }
    const moved = () => bob.client.events.some(({ type }) => type === 'rtc.moved')
    const flows = async () => {
      const before = frames()
      await vi.waitFor(() => expect(frames()).toBeGreaterThan(before + 10), soon)
    }
    return { bob, worker, frames, freeze, moved, flows }
  }
  const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
  const runs = (pid: number): boolean => {
    try {
      return process.kill(pid, 0)
    } catch {
      return false
    }
  }

  test('RTC-130: a packet thread that hangs is found out although JavaScript answers', async () => {
    const { bob, worker, freeze, frames } = await call()
    const { subscriber } = bob
    const frozenAt = performance.now()
    await freeze(threadOf(worker, 'packets'))
    await vi.waitFor(() => {
      expect(bob.subscriber).not.toBe(subscriber)
      expect(frames()).toBeGreaterThan(10)
    }, soon)
    if (process.env.PARLEY_TABLES === '1') {
      process.stdout.write(`media after a packet thread that hangs: ${performance.now() - frozenAt} ms\n`)
    }
    expect(runs(worker)).toBe(false)
    expect(bob.client.events.map(({ type }) => type)).not.toContain('rtc.closed')
  }, 60_000)

  test('RTC-130: JavaScript that stands still for 6 s ends no worker, and media flows on', async () => {
    const { worker, freeze, frames, moved, flows } = await call()
    const thaw = await freeze(worker)
    const before = frames()
    await pause(6_000)
    expect(frames()).toBeGreaterThan(before + 30)
    await thaw()
    await flows()
    expect(moved()).toBe(false)
    expect(runs(worker)).toBe(true)
  }, 60_000)

  test('RTC-130: JavaScript that stands still beyond its own limit ends its worker', async () => {
    const { bob, worker, freeze, frames } = await call({ PARLEY_RTC_WORKER_SCRIPT_SILENCE_MS: '2000' })
    const { subscriber } = bob
    await freeze(worker)
    await vi.waitFor(() => {
      expect(bob.subscriber).not.toBe(subscriber)
      expect(frames()).toBeGreaterThan(10)
    }, soon)
    expect(runs(worker)).toBe(false)
  }, 60_000)

  test('RTC-131: a server that stood still for 5 s ends no worker, nor does a pause of the whole machine', async () => {
    const { worker, moved, flows } = await call()
    const standStill = (ms: number): void => {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
    }
    standStill(5_000)
    await pause(1_000)
    process.kill(worker, 'SIGSTOP')
    standStill(5_000)
    process.kill(worker, 'SIGCONT')
    await pause(1_000)
    await flows()
    expect(moved()).toBe(false)
    expect(runs(worker)).toBe(true)
  }, 60_000)
})
