import { ensureFastpath, FastpathCore, loadFastpath, type NativeAddon } from '@parley/fastpath'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { PublishedSection } from '../connection/publish-connection.ts'
import { Relay } from './relay.ts'

const built = await ensureFastpath()
const addon = 'path' in built ? await loadFastpath() : undefined

describe.skipIf(!addon)('a relay', () => {
  let near: FastpathCore
  let far: FastpathCore
  let relay: Relay
  let section: PublishedSection

  beforeEach(() => {
    near = new FastpathCore(addon as NativeAddon)
    far = new FastpathCore(addon as NativeAddon)
    const codecs = [{ payloadType: 96, name: 'VP8', clockRate: 90_000, parameters: {}, feedback: [] }]
    const track = near.createTransport().createTrack({
      ...{ kind: 'video', extensions: {}, layers: [{ rid: 'q' }, { rid: 'f' }] },
      payloads: [{ payloadType: 96, codec: 'vp8', clockRate: 90_000 }],
    })
    section = { mid: '0', kind: 'video', track, codecs, layerCount: 2 }
    let ssrc = 0
    const peer = { address: '127.0.0.1', port: 9 }
    relay = new Relay(section, {
      source: near.createTransport({ peer }),
      target: far.createTransport({ peer }),
      nextSsrc: () => ++ssrc,
    })
  })
  afterEach(() => {
    near.close()
    far.close()
  })

  /** Layers whose streams were started (true) or stopped, in order. */
  const switched = () => {
    const streams = [...near.streams.keys()]
    const calls: [number, boolean][] = []
    const setPaused = near.native.setPaused.bind(near.native)
    vi.spyOn(near.native, 'setPaused').mockImplementation((ids, paused) => {
      for (const id of ids) calls.push([streams.indexOf(id), !paused])
      setPaused(ids, paused)
    })
    return calls
  }

  test('RTC-81: a layer crosses once, whoever wants it over there, and stops a while after the last', () => {
    const calls = switched()
    const [one, other] = [{}, {}]
    relay.setDemand(one, 1)
    relay.setDemand(other, 1)
    relay.setDemand(one, 0)
    expect(calls).toEqual([
      [1, true],
      [0, true],
    ])
    relay.setDemand(other, undefined)
    const now = performance.now()
    relay.look(now + 1_000)
    expect(calls).toHaveLength(2)
    relay.look(now + 3_000)
    expect(calls.slice(2)).toEqual([[1, false]])
    relay.setDemand(other, 1)
    expect(calls.slice(3)).toEqual([[1, true]])
  })

  test('RTC-81: without subscriptions it is unused; closing ends its streams and its track', () => {
    const one = {}
    relay.setDemand(one, undefined)
    expect(relay.unused).toBe(false)
    relay.leave(one)
    expect(relay.unused).toBe(true)
    relay.close()
    expect([near.stats().streams, far.stats().tracks]).toEqual([[], []])
    expect(relay.closed).toBe(true)
  })
})
