import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { PathWatch } from './path-watch.ts'

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
})

function watched() {
  const pc = Object.assign(new EventTarget(), { iceConnectionState: 'new' as RTCIceConnectionState })
  const log: string[] = []
  const watch = new PathWatch(pc, {
    restart: async () => {
      log.push('restart')
      throw new Error('no signalling')
    },
    onLost: () => log.push('lost'),
    onBack: () => log.push('back'),
    onGivenUp: () => log.push('given up'),
  })
  const to = (state: RTCIceConnectionState) => {
    pc.iceConnectionState = state
    pc.dispatchEvent(new Event('iceconnectionstatechange'))
  }
  return { watch, log, to }
}

test('a short disturbance is sat out', async () => {
  const { log, to, watch } = watched()
  to('connected')
  to('disconnected')
  await vi.advanceTimersByTimeAsync(1_000)
  to('connected')
  await vi.advanceTimersByTimeAsync(10_000)
  expect(log).toEqual([])
  watch.close()
})

test('a lost path is restarted until it is back', async () => {
  const { log, to, watch } = watched()
  to('connected')
  to('disconnected')
  await vi.advanceTimersByTimeAsync(1_500)
  expect(log).toEqual(['lost', 'restart'])
  await vi.advanceTimersByTimeAsync(3_000)
  expect(log).toEqual(['lost', 'restart', 'restart'])
  watch.hurry()
  to('checking')
  to('connected')
  await vi.advanceTimersByTimeAsync(60_000)
  expect(log).toEqual(['lost', 'restart', 'restart', 'restart', 'back'])
  watch.close()
})

test('a path that stays lost is given up once', async () => {
  const { log, to, watch } = watched()
  to('failed')
  await vi.advanceTimersByTimeAsync(120_000)
  expect(log.filter((line) => line === 'given up')).toHaveLength(1)
  expect(log.at(-1)).toBe('given up')
  watch.close()
})

test('after close nothing happens any more', async () => {
  const { log, to, watch } = watched()
  to('failed')
  watch.close()
  watch.close()
  to('connected')
  await vi.advanceTimersByTimeAsync(60_000)
  expect(log).toEqual(['lost', 'restart'])
})
