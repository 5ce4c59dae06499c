import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { EgressStream, IngressTrack, NativeAddon } from '../src/index.ts'
import { addon } from './built-addon.ts'
import {
  type DescriptorFields,
  l1t2,
  l2t2,
  l2t2Key,
  readDescriptor,
  readVp9,
  type Vp9Fields,
  vp9,
  writeDescriptor,
} from './layered-packets.ts'
import { readVp8, type SimulatedPeer, Simulation, vp8, writeRtcp } from './simulation.ts'

const ssrc = 1001
const sizes = [
  [320, 180],
  [640, 360],
  [1280, 720],
] as const

describe.skipIf(!addon)('layers, on a virtual clock', () => {
  let w: Simulation
  let publisher: SimulatedPeer
  let peer: SimulatedPeer
  let track: IngressTrack
  let stream: EgressStream

  const begin = (codec: 'vp8' | 'vp9' | 'av1' | 'h264', layers = 1) => {
    publisher = w.join()
    track = publisher.transport.createTrack({
      ...{ kind: 'video', mid: 'v', extensions: { dependencyDescriptor: 12 } },
      payloads: [{ payloadType: 96, codec, clockRate: 90000, rtxPayloadType: 97 }],
      layers: Array.from({ length: layers }, (_, index) => ({ ssrc: ssrc + index })),
    })
    peer = w.join({ pacingBitrate: 0 })
    stream = peer.transport.createStream(track, {
      ...{ kind: 'video', mid: '7', extensions: { mid: 9, dependencyDescriptor: 5 } },
      payloads: [{ from: 96, payloadType: 120, rtxPayloadType: 121 }],
    })
  }
  beforeEach(() => {
    w = new Simulation(addon as NativeAddon)
  })
  afterEach(() => w.close())

  const plis = () => publisher.takeInbox().rtcp.filter((p) => p.type === 206 && p.count === 1).length
  const gapless = (list: { sequence: number }[]) =>
    list.map(({ sequence }) => (sequence - (list[0]?.sequence ?? 0)) & 0xffff)

  describe('VP9', () => {
    let sequence = 0
    let tick = 0
    let firstPicture = 100
    let pictureBits: 7 | 15 = 15
    beforeEach(() => {
      begin('vp9')
      sequence = 65_500
      tick = 0
      firstPicture = 100
      pictureBits = 15
    })
    const send = (fields: Omit<Vp9Fields, 'picture'>, marker: boolean) => {
      const picture = firstPicture + tick
      publisher.sendRtp({
        ...{ payloadType: 96, sequence, timestamp: tick * 3000, ssrc, marker },
        payload: vp9({ picture, pictureBits, tl0: tick >> 1, ...fields }),
      })
      sequence += 1
    }
    /** A picture in three spatial layers, the frames of each in two packets. */
    const picture = (options: { key?: boolean; ksvc?: boolean; temporal?: number; up?: boolean } = {}) => {
      const { key = false, ksvc = true, temporal = 0, up = false } = options
      for (let spatial = 0; spatial < 3; spatial++) {
        const interLayer = spatial > 0 && (key || !ksvc)
        const shared = { spatial, temporal, inter: !key, interLayer, switchingUp: up }
        send({ ...shared, end: false, ...(key && spatial === 0 && { sizes }) }, false)
        send({ ...shared, begin: false }, spatial === 2)
      }
      tick += 1
      w.run(33)
    }
    const seen = () => peer.takeInbox().rtp.map((packet) => ({ ...packet, ...readVp9(packet.payload) }))

    it('FAST-90: only the spatial layers up to the chosen one go out, gapless, and the last packet is marked', () => {
      stream.selectLayer(0, 7, 1)
      picture({ key: true })
      for (let n = 0; n < 3; n++) picture()
      const rtp = seen()
      expect(rtp.map(({ spatial }) => spatial)).toEqual(Array.from({ length: 4 }, () => [0, 0, 1, 1]).flat())
      expect(rtp.map(({ marker }) => marker)).toEqual(
        Array.from({ length: 4 }, () => [false, false, false, true]).flat(),
      )
      expect(gapless(rtp)).toEqual(rtp.map((_, index) => index))
      expect(rtp.map(({ picture: id }) => id)).toEqual([100, 101, 102, 103].flatMap((id) => [id, id, id, id]))
    })

    it('FAST-91: down with the next picture, up at a key picture, which is asked for', () => {
      picture({ key: true })
      picture()
      expect(Math.max(...seen().map(({ spatial }) => spatial))).toBe(2)
      // In the middle of a picture: it is finished as it began.
      send({ spatial: 0 }, false)
      w.run(1)
      stream.selectLayer(0, 7, 0)
      send({ spatial: 1 }, false)
      send({ spatial: 2 }, true)
      tick += 1
      w.run(33)
      const middle = seen()
      expect(middle.map(({ spatial, marker }) => [spatial, marker])).toEqual([
        [0, false],
        [1, false],
        [2, true],
      ])
      picture()
      const low = seen()
      expect(low.map(({ spatial, marker }) => [spatial, marker])).toEqual([
        [0, false],
        [0, true],
      ])
      w.run(600)
      plis()
      const switched: (number | undefined)[] = []
      stream.on('layer.switched', ({ spatial }) => switched.push(spatial))
      stream.selectLayer(0, 7, 2)
      w.run(5)
      expect(plis()).toBe(1)
      picture()
      expect(Math.max(...seen().map(({ spatial }) => spatial))).toBe(0)
      picture({ key: true })
      const high = seen()
      expect(high.map(({ spatial }) => spatial)).toEqual([0, 0, 1, 1, 2, 2])
      expect(switched).toEqual([2])
      const all = [...middle, ...low]
      expect(gapless(all)).toEqual([0, 1, 2, 3, 4])
    })

    it('FAST-91: a frame of the next layer that looks back at no picture lets a subscriber up without a key picture', () => {
      stream.selectLayer(0, 7, 0)
      picture({ key: true, ksvc: false })
      stream.selectLayer(0, 7, 2)
      picture({ ksvc: false })
      expect(Math.max(...seen().map(({ spatial }) => spatial))).toBe(0)
      send({ spatial: 0 }, false)
      send({ spatial: 1, inter: false, interLayer: true }, false)
      send({ spatial: 2, interLayer: true }, true)
      tick += 1
      w.run(1)
      expect(seen().map(({ spatial }) => spatial)).toEqual([0, 1])
      picture({ ksvc: false })
      expect(seen().map(({ spatial, marker }) => [spatial, marker])).toEqual([
        [0, false],
        [0, false],
        [1, false],
        [1, true],
      ])
    })

    it('FAST-91: more temporal layers come after a switching point', () => {
      stream.selectLayer(0, 0, 0)
      picture({ key: true })
      for (const temporal of [1, 0, 1]) picture({ temporal })
      stream.selectLayer(0, 1, 0)
      picture({ temporal: 1 })
      picture({ temporal: 0 })
      picture({ temporal: 1, up: true })
      expect(new Set(seen().map(({ temporal }) => temporal))).toEqual(new Set([0]))
      picture({ temporal: 0, up: true })
      picture({ temporal: 1 })
      expect(new Set(seen().map(({ temporal }) => temporal))).toEqual(new Set([0, 1]))
    })

    for (const [bits, first] of [
      [15, 32_700],
      [7, 60],
    ] as const) {
      it(`FAST-92: numbers go on over the turn of the sequence and of picture ids of ${bits} bits`, () => {
        pictureBits = bits
        firstPicture = first
        const span = 2 ** bits
        picture({ key: true })
        for (let n = 1; n < 150; n++) {
          if (n % 20 === 0) stream.selectLayer(0, 7, (n / 20) % 3)
          picture({ key: n % 10 === 5 })
        }
        const rtp = seen()
        expect(gapless(rtp)).toEqual(rtp.map((_, index) => index & 0xffff))
        const ids = rtp.filter(({ marker }) => marker).map(({ picture: id }) => id)
        expect(ids).toEqual(ids.map((_, index) => (first + index) % span))
        expect(new Set(rtp.map(({ spatial }) => spatial))).toEqual(new Set([0, 1, 2]))
      })
    }

    it('FAST-93: what comes late is judged by the layers of its time, and the place of what is left out is filled', () => {
      stream.selectLayer(0, 7, 1)
      picture({ key: true })
      const late: (() => void)[] = []
      const [upper, lower] = [sequence + 4, sequence + 2]
      const at = tick
      for (let spatial = 0; spatial < 3; spatial++) {
        for (const begins of [true, false]) {
          const number = sequence
          const deliver = () =>
            publisher.sendRtp({
              ...{ payloadType: 96, sequence: number, timestamp: at * 3000, ssrc },
              payload: vp9({ picture: firstPicture + at, spatial, begin: begins, end: !begins }),
              marker: spatial === 2 && !begins,
            })
          if (number === upper || number === lower) late.push(deliver)
          else deliver()
          sequence += 1
        }
      }
      tick += 1
      w.run(1)
      stream.selectLayer(0, 7, 0)
      picture()
      const before = peer.takeInbox().rtp
      const numbers = gapless(before)
      for (const deliver of late) deliver()
      w.run(1)
      const after = peer.takeInbox().rtp
      const place = (packet: { sequence: number }) => (packet.sequence - (before[0]?.sequence ?? 0)) & 0xffff
      expect([...numbers, ...after.map(place)].sort((a, b) => a - b)).toEqual(
        Array.from({ length: numbers.length + 2 }, (_, index) => index),
      )
      expect(after.map(({ payload, padding }) => [payload.length > 0, padding])).toEqual([
        [true, 0],
        [false, 1],
      ])
    })

    it('FAST-96: sizes and rates of the spatial layers are told', () => {
      const told: unknown[] = []
      track.on('layer.resized', (event) => told.push(event))
      picture({ key: true })
      picture({ key: true })
      expect(told).toHaveLength(1)
      expect(told[0]).toMatchObject({
        ...{ layer: 0, width: 1280, height: 720 },
        spatial: sizes.map(([width, height]) => ({ width, height })),
      })
      w.run(1000)
      for (let n = 0; n < 40; n++) picture({ temporal: n % 2 })
      const [layer] = w.sfu.stats().tracks[0]?.layers ?? []
      expect(layer?.temporalLayers).toBe(2)
      expect(layer?.spatialBitrates).toHaveLength(3)
      expect(layer?.spatialBitrates.every((bitrate) => bitrate > 0)).toBe(true)
      expect(layer?.spatialBitrates.reduce((sum, one) => sum + one, 0)).toBe(layer?.bitrate)
    })
  })

  describe('AV1 by its dependency descriptor', () => {
    let sequence = 0
    let tick = 0
    let number = 0
    beforeEach(() => {
      begin('av1')
      sequence = 65_500
      tick = 0
      number = 65_530
    })
    const send = (fields: Omit<DescriptorFields, 'number'>, options: { key?: boolean; marker?: boolean }) => {
      publisher.sendRtp({
        ...{ payloadType: 96, sequence, timestamp: tick * 3000, ssrc, marker: options.marker ?? false },
        payload: Uint8Array.from([options.key ? 0x18 : 0x10, ...Buffer.alloc(40, 0x44)]),
        ...withDescriptor(writeDescriptor({ ...fields, number })),
      })
      sequence += 1
    }
    /** A temporal unit of two spatial layers; odd ones are of the upper temporal layer. */
    const unit = (templates = l2t2Key, key = tick === 0) => {
      const temporal = tick % 2
      const structure = { templates, sizes: sizes.slice(0, 2) }
      const lower = key ? 0 : temporal ? 2 : 1
      const upper = key ? 3 : temporal ? 5 : 4
      number += 1
      send({ template: lower, end: false, ...(key && { structure }) }, { key })
      send({ template: lower, start: false }, {})
      number += 1
      send({ template: upper }, { marker: true })
      tick += 1
      w.run(33)
    }
    const seen = () =>
      peer.takeInbox().rtp.map((packet) => ({
        ...packet,
        ...readDescriptor(packet.extension.get(5) ?? new Uint8Array()),
      }))

    it('FAST-94: frames outside the chosen decode target are left out, and the last packet of the rest is marked', () => {
      stream.selectLayer(0, 0, 0)
      for (let n = 0; n < 5; n++) unit()
      const rtp = seen()
      expect(rtp.map(({ template, marker }) => [template, marker])).toEqual([
        [0, false],
        [0, true],
        [1, false],
        [1, true],
        [1, false],
        [1, true],
      ])
      expect(gapless(rtp)).toEqual([0, 1, 2, 3, 4, 5])
      expect(rtp[0]?.structured).toBe(true)
      // Numbers of frames keep their distances, by which later ones refer to them, over the turn of 16 bits.
      expect(rtp.map(({ number: frame }) => (frame - (rtp[0]?.number ?? 0)) & 0xffff)).toEqual([
        0, 0, 4, 4, 8, 8,
      ])
    })

    it('FAST-94: active decode targets are those that the subscriber gets', () => {
      stream.selectLayer(0, 7, 0)
      unit()
      const [first] = seen()
      // Structure, then the mask: (0,0) and (0,1) of four.
      const written = first?.extension.get(5) ?? new Uint8Array()
      const expected = writeDescriptor({
        ...{ template: 0, number: first?.number ?? 0, end: false, active: [0b0011, 4] },
        structure: { templates: l2t2Key, sizes: sizes.slice(0, 2) },
      })
      expect(Buffer.from(written).subarray(0, expected.length).equals(Buffer.from(expected))).toBe(true)
      unit()
      stream.selectLayer(0, 0, 0)
      unit()
      const changed = seen().filter(({ active }) => active !== undefined)
      expect(changed.map(({ active, template }) => [template, active])).toEqual([
        [1, 0b0001],
        [1, 0b0001],
      ])
    })

    it('FAST-94: up in time at the base layer, up in size at a key frame, which is asked for', () => {
      stream.selectLayer(0, 0, 0)
      for (let n = 0; n < 3; n++) unit()
      seen()
      w.run(600)
      plis()
      stream.selectLayer(0, 1, 1)
      w.run(5)
      expect(plis()).toBe(1)
      unit()
      expect(seen(), 'an upper frame whose decode target was not begun').toEqual([])
      unit()
      unit()
      expect(seen().map(({ template }) => template)).toEqual([1, 1, 2, 2])
      unit(l2t2Key, true)
      unit()
      expect(seen().map(({ template }) => template)).toEqual([0, 0, 3, 2, 2, 5])
    })

    it('FAST-94: with prediction between layers in each picture no frame is let through that cannot be decoded', () => {
      stream.selectLayer(0, 1, 0)
      for (let n = 0; n < 4; n++) unit(l2t2)
      stream.selectLayer(0, 1, 1)
      for (let n = 0; n < 4; n++) unit(l2t2)
      expect(new Set(seen().map(({ template }) => template))).toEqual(new Set([0, 1, 2]))
      unit(l2t2, true)
      expect(seen().map(({ template }) => template)).toEqual([0, 0, 3])
    })

    it('FAST-96: sizes of AV1 are told by the descriptor', () => {
      const told: unknown[] = []
      track.on('layer.resized', (event) => told.push(event))
      unit()
      expect(told).toMatchObject([
        { width: 640, height: 360, spatial: sizes.slice(0, 2).map(([width, height]) => ({ width, height })) },
      ])
    })

    it('FAST-94: a descriptor that cannot be read, or of an unknown structure, is not passed on', () => {
      stream.selectLayer(0, 7, 7)
      unit()
      seen()
      number += 1
      send({ template: 40 }, { marker: true })
      w.run(1)
      const [packet] = peer.takeInbox().rtp
      expect(packet?.extension.has(5)).toBe(false)
      expect(w.sfu.stats().transports.every(({ malformed }) => malformed === 0)).toBe(true)
    })
  })

  for (const [codec, key, other] of [
    ['h264', [0x67, 0x42, 0xe0, 0x1f, 0x8c], [0x41, 1, 2, 3]],
    // Chromium leaves picture ids and layers out of the payload where it sends a descriptor.
    ['vp8', [0x10, 0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xb4, 0], [0x10, 0x11, 0, 0]],
  ] as const) {
    it(`FAST-97: temporal layers of ${codec} are chosen by the dependency descriptor`, () => {
      begin(codec)
      stream.selectLayer(0, 0)
      for (let n = 0; n < 6; n++) {
        const descriptor = writeDescriptor({
          ...{ template: n === 0 ? 0 : n % 2 ? 2 : 1, number: n },
          ...(n === 0 && { structure: { templates: l1t2 } }),
        })
        publisher.sendRtp({
          ...{ payloadType: 96, sequence: 10 + n, timestamp: n * 3000, ssrc, marker: true },
          payload: Uint8Array.from(n === 0 ? key : other),
          ...withDescriptor(descriptor),
        })
        w.run(33)
      }
      const { rtp } = peer.takeInbox()
      expect(rtp).toHaveLength(3)
      expect(gapless(rtp)).toEqual([0, 1, 2])
    })
  }

  describe('FAST-98: layers of one camera stay aligned without usable sender reports', () => {
    const bases = [5_000, 4_000_000_000]
    const at = (layer: number, tick: number) => ((bases[layer] ?? 0) + tick * 3000) >>> 0
    const frame = (layer: number, tick: number, key = false) =>
      publisher.sendRtp({
        ...{
          payloadType: 96,
          sequence: 10 + tick,
          timestamp: at(layer, tick),
          ssrc: ssrc + layer,
          marker: true,
        },
        payload: vp8({ picture: tick, key }),
      })
    const steps = () => {
      const { rtp } = peer.takeInbox()
      expect(rtp.map(({ payload }) => readVp8(payload).key).filter(Boolean).length).toBe(2)
      return rtp.slice(1).map((packet, index) => (packet.timestamp - (rtp[index]?.timestamp ?? 0)) | 0)
    }
    const play = (report?: () => void) => {
      begin('vp8', 2)
      for (let tick = 0; tick < 20; tick++) {
        frame(0, tick, tick === 0)
        frame(1, tick, tick === 0)
        report?.()
        w.run(33)
      }
      frame(0, 20)
      stream.selectLayer(1)
      // The key frame is long, and 70 ms later than it should be.
      w.run(103)
      frame(1, 21, true)
      w.run(1)
      return steps()
    }

    it('by the packets that came quickest', () => {
      const last = play().at(-1) ?? 0
      expect(Math.abs(last - 3000)).toBeLessThan(200)
    })

    it('and reports that contradict them are not believed', () => {
      const body = (layer: number, seconds: number) => {
        const bytes = Buffer.alloc(20)
        bytes.writeUInt32BE(3_900_000_000 + Math.floor(seconds), 0)
        bytes.writeUInt32BE(Math.floor((seconds % 1) * 2 ** 32), 4)
        bytes.writeUInt32BE(at(layer, 0), 8)
        return bytes
      }
      const last = play(() => {
        publisher.sendRtcp(writeRtcp(200, 0, ssrc, body(0, 10)))
        publisher.sendRtcp(writeRtcp(200, 0, ssrc + 1, body(1, 10.6)))
      }).at(-1)
      expect(Math.abs((last ?? 0) - 3000)).toBeLessThan(200)
    })
  })
})

/** The descriptor in the two-byte form, as the structure does not fit the other. */
function withDescriptor(value: Uint8Array): { wideExtensions: [number, Uint8Array][] } {
  return { wideExtensions: [[12, value]] }
}
