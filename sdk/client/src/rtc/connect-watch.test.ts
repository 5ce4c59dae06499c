import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { ConnectPatience, ConnectWatch } from './connect-watch.ts'

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
})

function watched(patience = new ConnectPatience(), roundTripMs = 40) {
  const statistics = new Map([
    ['pair', { type: 'candidate-pair', currentRoundTripTime: roundTripMs / 1000 }],
  ]) as unknown as RTCStatsReport
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

test('RTC-140: a connection whose handshake takes longer than 1.3 s is slow, once', async () => {
  const { onSlow, ice } = watched()
  ice('checking')
  await vi.advanceTimersByTimeAsync(500)
  ice('connected')
  await vi.advanceTimersByTimeAsync(1_250)
  expect(onSlow).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(20_000)
  expect(onSlow).toHaveBeenCalledTimes(1)
})

test('RTC-140: so is one whose checks are not answered for 4 s', async () => {
  const { onSlow, ice } = watched()
  await vi.advanceTimersByTimeAsync(60_000)
  ice('checking')
  await vi.advanceTimersByTimeAsync(3_900)
  expect(onSlow).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(200)
  expect(onSlow).toHaveBeenCalledTimes(1)
})

test('RTC-140: one that is up, or closed, is left alone', async () => {
  const [up, closed] = [watched(), watched()]
  for (const { ice } of [up, closed]) {
    ice('checking')
    ice('connected')
  }
  await vi.advanceTimersByTimeAsync(1_000)
  up.connected()
  closed.watch.close()
  up.ice('disconnected')
  up.ice('connected')
  await vi.advanceTimersByTimeAsync(60_000)
  expect(up.onSlow).not.toHaveBeenCalled()
  expect(closed.onSlow).not.toHaveBeenCalled()
})

test('RTC-140: a long way has the time of six round trips', async () => {
  const { onSlow, ice } = watched(new ConnectPatience(), 600)
  ice('checking')
  ice('connected')
  await vi.advanceTimersByTimeAsync(3_500)
  expect(onSlow).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(200)
  expect(onSlow).toHaveBeenCalledTimes(1)
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
