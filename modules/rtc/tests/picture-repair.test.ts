import { ensureFastpath, loadFastpath, type NativeAddon, type RepairOptions } from '@parley/fastpath'
import { describe, expect, test } from 'vitest'
import {
  type Rtcp,
  readRtp,
  type SimulatedPeer,
  Simulation,
  vp8,
  writeNack,
  writeRtcp,
  writeVerdicts,
} from '../../../native/fastpath/tests/simulation.ts'
import { repairOf } from '../src/room/repair.ts'
import { randomOf } from './congestion/simulation.ts'

const built = await ensureFastpath()
const addon = 'path' in built ? await loadFastpath() : undefined

const wayUs = 20_000
const frameMs = 50
/** As Chromium sends it: 50 ms, and what its timer is late. */
const feedbackMs = 62
/** What a receiver that does not know its round trip takes it for. */
const assumedRoundTripUs = 100_000
/**
 * From forwarding to arrival. Capture, encoder, the way up, decoder and the screen take 100 ms of the 400 ms from the making of a
 * picture to its showing, and 20 ms are left over.
 */
const withinUs = 280_000
const temporalLayers = [0, 2, 1, 2] as const
const payload = { size: 900, overhead: 40 }

interface Frame {
  forwardedUs: number
  completeUs: number
  missing: Set<number>
}

/** A browser that watches: it puts frames together, asks for what is missing and tells what arrived. */
class Watcher {
  readonly packets = new Map<number, number>()
  #base: number | undefined
  #newest: number | undefined
  readonly #asked = new Map<number, number>()
  readonly #arrived = new Set<number>()
  #firstNumber: number | undefined
  #told = 0

  /** @returns the place of the picture's packet that came, from 0 on, or nothing. The very first packet is never lost. */
  take(plain: Uint8Array, ssrc: number, nowUs: number): number | undefined {
    const packet = readRtp(plain)
    const number = Buffer.from(packet.extension.get(5) ?? [0, 0]).readUInt16BE(0)
    this.#firstNumber ??= number
    this.#arrived.add(number)
    const original = packet.ssrc === ssrc
    const number16 = original ? packet.sequence : Buffer.from(packet.payload).readUInt16BE(0)
    this.#base ??= number16
    const sequence = (number16 - this.#base) & 0xffff
    this.#asked.delete(sequence)
    if (original && (this.#newest === undefined || sequence > this.#newest)) {
      for (let gap = (this.#newest ?? sequence) + 1; gap < sequence; gap++) {
        if (!this.packets.has(gap)) this.#asked.set(gap, Number.NEGATIVE_INFINITY)
      }
      this.#newest = sequence
    }
    if (this.packets.has(sequence)) return undefined
    this.packets.set(sequence, nowUs)
    return sequence
  }

  requests(nowUs: number): number[] {
    const due = [...this.#asked].filter(([, at]) => nowUs - at >= assumedRoundTripUs).map(([gap]) => gap)
    for (const gap of due) this.#asked.set(gap, nowUs)
    return due.map((gap) => (gap + (this.#base ?? 0)) & 0xffff)
  }

  feedback(): Uint8Array[] {
    const first = this.#firstNumber ?? 0
    const newest = Math.max(...this.#arrived)
    const out: Uint8Array[] = []
    for (let at = first + this.#told; at <= newest; at += 14) {
      const count = Math.min(14, newest - at + 1)
      out.push(
        writeVerdicts(
          at,
          Array.from({ length: count }, (_, index) => this.#arrived.has(at + index)),
        ),
      )
      this.#told = at + count - first
    }
    return out
  }
}

/** Pictures of one to three packets over a path that loses them independently; feedback comes back whole. */
function watch(loss: number, repair: RepairOptions, seconds: number): { onTime: number; bytes: number } {
  const world = new Simulation(addon as NativeAddon)
  const publisher = world.join()
  const track = publisher.transport.createTrack({
    ...{ kind: 'video', mid: 'v', extensions: {}, layers: [{ ssrc: 1001 }] },
    payloads: [{ payloadType: 96, codec: 'vp8', clockRate: 90_000 }],
  })
  const peer = world.join({ pacingBitrate: 0 })
  const stream = peer.transport.createStream(track, {
    ...{ kind: 'video', mid: '7', extensions: { mid: 9, transportSequence: 5 }, padTo: 0 },
    payloads: [{ from: 96, payloadType: 120, rtxPayloadType: 121 }],
  })
  stream.setRepair(repair)
  const random = randomOf(70)
  const watcher = new Watcher()
  const frames: Frame[] = []
  const frameOf = new Map<number, Frame>()
  const path: { atUs: number; deliver: () => void }[] = []
  let bytes = 0
  let delivering = false
  peer.passes = (direction, packet) => {
    if (delivering) return true
    const atUs = world.now + wayUs
    if (direction === 'to-sfu') path.push({ atUs, deliver: () => peer.send(packet) })
    else {
      const isMedia = (packet[0] ?? 0) >= 128 && ((packet[1] ?? 0) < 192 || (packet[1] ?? 0) > 223)
      if (isMedia) bytes += packet.length
      if (!isMedia || random() >= loss || sequence === 1)
        path.push({ atUs, deliver: () => peer.receive(packet) })
    }
    return false
  }
  let sequence = 0
  let base = 0
  const totalMs = seconds * 1_000
  for (let ms = 0; ms < totalMs + 1_000; ms++) {
    if (ms % frameMs === 0 && ms < totalMs) {
      const picture = ms / frameMs
      const count = 1 + (picture % 3)
      const temporal = temporalLayers[picture % temporalLayers.length] ?? 0
      const frame: Frame = {
        forwardedUs: world.now,
        completeUs: Number.POSITIVE_INFINITY,
        missing: new Set(),
      }
      frames.push(frame)
      if (temporal === 0) base++
      for (let index = 0; index < count; index++) {
        frame.missing.add(sequence)
        frameOf.set(sequence, frame)
        publisher.sendRtp({
          ...{
            payloadType: 96,
            sequence,
            timestamp: picture * 4_500,
            ssrc: 1001,
            marker: index === count - 1,
          },
          payload: vp8({
            picture,
            key: picture === 0,
            start: index === 0,
            temporal,
            tl0: base,
            size: payload.size,
          }),
        })
        sequence++
      }
    }
    // Consent lasts 30 s.
    if (ms % 10_000 === 0) for (const one of [publisher, peer]) one.bind()
    world.run(1)
    delivering = true
    for (const { deliver } of path.filter(({ atUs }) => atUs <= world.now)) deliver()
    delivering = false
    path.splice(0, path.length, ...path.filter(({ atUs }) => atUs > world.now))
    receive(world, peer, stream.ssrc, watcher, frameOf)
    if (ms % 20 === 0) {
      const asked = watcher.requests(world.now)
      if (asked.length > 0) peer.sendRtcp(writeNack(stream.ssrc, asked))
    }
    if (ms % feedbackMs === 0) for (const feedback of watcher.feedback()) peer.sendRtcp(feedback)
  }
  world.close()
  return { onTime: onTimeOf(frames), bytes: bytes / (sequence * (payload.size + payload.overhead)) }
}

function receive(
  world: Simulation,
  peer: SimulatedPeer,
  ssrc: number,
  watcher: Watcher,
  frameOf: Map<number, Frame>,
): void {
  const { plain, rtcp } = peer.takeInbox()
  for (const packet of plain) {
    const sequence = watcher.take(packet, ssrc, world.now)
    const frame = sequence === undefined ? undefined : frameOf.get(sequence)
    if (sequence === undefined || frame === undefined) continue
    frame.missing.delete(sequence)
    if (frame.missing.size === 0) frame.completeUs = world.now
  }
  for (const report of rtcp.filter(({ type }) => type === 200)) peer.sendRtcp(reportOn(report, ssrc))
}

/** A receiver report that lets the round trip be known. */
function reportOn({ body }: Rtcp, ssrc: number): Uint8Array {
  const block = Buffer.alloc(24)
  block.writeUInt32BE(ssrc, 0)
  block.writeUInt32BE(body.readUInt32BE(2), 16)
  return writeRtcp(201, 1, 1, block)
}

/** The share of frames that could be shown in time: whole, as all that they stand on. */
function onTimeOf(frames: readonly Frame[]): number {
  const decodable: number[] = []
  let shown = 0
  for (const [index, { completeUs, forwardedUs }] of frames.entries()) {
    const temporal = temporalLayers[index % temporalLayers.length] ?? 0
    // Base on base; the middle one on base, the upper ones on what is before them.
    const stands = temporal === 0 ? index - 4 : temporal === 1 ? index - 2 : index - 1
    const at = Math.max(completeUs, decodable[stands] ?? 0)
    decodable.push(at)
    if (at <= forwardedUs + withinUs) shown++
  }
  return shown / frames.length
}

describe.skipIf(!addon)('pictures over a path that loses packets independently, on a virtual clock', () => {
  test.each([
    [0.1, 0.995, 1.3],
    [0.3, 0.995, 2],
    [0.5, 0.995, 3.1],
    [0.7, 0.99, 5],
  ])(
    'RTC-134, FAST-140: at a loss of %f, a share of %f in time for %f times the bytes',
    (loss, share, most) => {
      const path = { loss, lossKind: 'random', roundTripMs: 60, most: 0.6 } as const
      const { onTime, bytes } = watch(loss, repairOf('video', path, { red: false }), 60)
      expect(onTime).toBeGreaterThanOrEqual(share)
      expect(bytes).toBeLessThanOrEqual(most)
    },
  )
})
