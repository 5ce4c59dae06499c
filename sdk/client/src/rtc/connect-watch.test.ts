import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { ConnectPatience, ConnectWatch } from './connect-watch.ts'

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
})

interface Checks {
  roundTripMs: number
  sent: number
  answered: number
}

const clear: Checks = { roundTripMs: 40, sent: 6, answered: 5 }
const lossy: Checks = { roundTripMs: 40, sent: 9, answered: 2 }

function watched({ roundTripMs, sent, answered }: Checks, patience = new ConnectPatience()) {
  const pair = {
    ...{ type: 'candidate-pair', state: 'succeeded', currentRoundTripTime: roundTripMs / 1000 },
    ...{ requestsSent: sent, responsesReceived: answered },
  }
  const statistics = new Map([['pair', pair]]) as unknown as RTCStatsReport
  const pc = Object.assign(new EventTarget(), {
    iceConnectionState: 'new' as RTCIceConnectionState,
    connectionState: 'new' as RTCPeerConnectionState,
    getStats: async () => statistics,
  })
  const onSlow = vi.fn()
  const watch = new ConnectWatch(pc, { patience, onSlow })
  const ice = (state: RTCIceConnectionState) => {
    pc.iceConnectionState = state
    pc.dispatchEvent(new Event('iceconnectionstatechange'))
  }
  const connected = () => {
    pc.connectionState = 'connected'
    pc.dispatchEvent(new Event('connectionstatechange'))
  }
  return { watch, onSlow, ice, connected }
}

/** How long after its first answered check it is slow. */
async function slowAfterMs(checks: Checks, patience?: ConnectPatience): Promise<number> {
  const { onSlow, ice } = watched(checks, patience)
  ice('checking')
  await vi.advanceTimersByTimeAsync(500)
  ice('connected')
  let passedMs = 0
  for (; onSlow.mock.calls.length === 0 && passedMs < 60_000; passedMs += 50) {
    await vi.advanceTimersByTimeAsync(50)
  }
  await vi.advanceTimersByTimeAsync(60_000)
  expect(onSlow).toHaveBeenCalledTimes(1)
  return passedMs
}

test('RTC-140: a handshake has 2 s, and 0.7 s where checks were lost', async () => {
  expect(Math.abs((await slowAfterMs(clear)) - 2_000)).toBeLessThanOrEqual(50)
  expect(Math.abs((await slowAfterMs(lossy)) - 700)).toBeLessThanOrEqual(50)
})

test('RTC-140: a long way is no lossy one, and has the time of six round trips', async () => {
  const slowMs = await slowAfterMs({ roundTripMs: 600, sent: 14, answered: 1 })
  expect(Math.abs(slowMs - 3_600)).toBeLessThanOrEqual(50)
})

test('RTC-140: slow is a connection whose checks are not answered for 4 s', async () => {
  const { onSlow, ice } = watched(clear)
  await vi.advanceTimersByTimeAsync(60_000)
  ice('checking')
  await vi.advanceTimersByTimeAsync(3_900)
  expect(onSlow).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(200)
  expect(onSlow).toHaveBeenCalledTimes(1)
})

test('RTC-140: one that is up, or closed, is left alone', async () => {
  const [up, closed] = [watched(lossy), watched(lossy)]
  for (const { ice } of [up, closed]) {
    ice('checking')
    ice('connected')
  }
  await vi.advanceTimersByTimeAsync(500)
  up.connected()
  closed.watch.close()
  up.ice('disconnected')
  up.ice('connected')
  await vi.advanceTimersByTimeAsync(60_000)
  expect(up.onSlow).not.toHaveBeenCalled()
  expect(closed.onSlow).not.toHaveBeenCalled()
})

test('RTC-140: each has longer after three were given up, until one is up', () => {
  const patience = new ConnectPatience()
  const allowed = Array.from({ length: 6 }, () => {
    const ms = patience.msFor(1_000)
    patience.handleGivenUp()
    return ms
  })
  expect(allowed).toEqual([1_000, 1_000, 1_000, 1_500, 2_250, 3_375])
  for (let count = 0; count < 20; count++) patience.handleGivenUp()
  expect(patience.msFor(1_000)).toBe(15_000)
  patience.reset()
  expect(patience.msFor(1_000)).toBe(1_000)
})
