import type { NativeAddon, RepairOptions } from '@parley/fastpath'
import {
  type Rtcp,
  readRtp,
  Simulation,
  vp8,
  writeNack,
  writeRtcp,
  writeVerdicts,
} from '../../../native/fastpath/tests/simulation.ts'
import { UlpFecReceiver } from '../../../native/fastpath/tests/ulp-fec-receiver.ts'

const frameMs = 50
const ticksPerFrame = 4_500
/** As Chromium sends it: 50 ms, and what its timer is late. */
const feedbackMs = 62
/** Sound of the same path. */
const soundMs = 20
const temporalLayers = [0, 2, 1, 2] as const
const payload = { size: 900, overhead: 40 }
const types = { media: 120, rtx: 121, red: 116, fec: 117 }
/** Rows that a receiver still makes use of. */
const mostRows = 48

/** A path, and what is done against its losses. Times in microseconds. */
export interface Watched {
  repair: RepairOptions
  seconds: number
  wayDownUs: number
  wayUpUs: number
  /** What a receiver takes its round trip for before it asks again. */
  assumedRoundTripUs: number
  /** A picture that came later than so long after its forwarding is not in time. */
  withinUs: number
  /** Asked for each packet on the way down, in their order. */
  isLost: () => boolean
  /** Packets of the n-th picture. */
  packetsOf: (picture: number) => number
}

/** Shares of all pictures, and bytes on the way down for one of the pictures themselves. */
export interface Watching {
  onTime: number
  bytes: number
}

interface Frame {
  readonly forwardedUs: number
  missing: number
  completeUs: number
}

/** A browser that watches: it puts frames together, asks for what is missing and tells what arrived. */
class Watcher {
  readonly #assumedRoundTripUs: number
  readonly #ssrc: number
  readonly #held = new Set<number>()
  readonly #fec = new UlpFecReceiver({
    ...{ redPayloadType: types.red, fecPayloadType: types.fec },
    ...{ lateExtensions: [5], mostRows },
  })
  #recovered = 0
  #base: number | undefined
  #newest: number | undefined
  readonly #asked = new Map<number, number>()
  readonly #arrived = new Set<number>()
  #firstNumber: number | undefined
  #told = 0

  constructor(ssrc: number, assumedRoundTripUs: number) {
    this.#ssrc = ssrc
    this.#assumedRoundTripUs = assumedRoundTripUs
  }

  /** @returns the times of those pictures of which a packet came now that was not there. The very first is never lost. */
  take(plain: Uint8Array): number[] {
    const packet = readRtp(plain)
    const number = Buffer.from(packet.extension.get(5) ?? [0, 0]).readUInt16BE(0)
    this.#firstNumber ??= number
    this.#arrived.add(number)
    const original = packet.ssrc === this.#ssrc
    const number16 = original ? packet.sequence : Buffer.from(packet.payload).readUInt16BE(0)
    this.#base ??= number16
    if (original) this.#notice((number16 - this.#base) & 0xffff)
    // Without a payload it only ends the asking.
    const isMedia = original
      ? packet.payloadType !== types.red || packet.payload[0] !== types.fec
      : packet.payload.length > 2
    const came = [{ number16, timestamp: packet.timestamp, isMedia }]
    if (original) this.#fec.take(plain)
    const { recovered } = this.#fec
    for (const bytes of recovered.slice(this.#recovered)) {
      const { sequence, timestamp } = readRtp(bytes)
      came.push({ number16: sequence, timestamp, isMedia: true })
    }
    this.#recovered = recovered.length
    return came.flatMap(({ number16, timestamp, isMedia }) =>
      this.#hold(number16) && isMedia ? [timestamp] : [],
    )
  }

  #hold(number16: number): boolean {
    const sequence = (number16 - (this.#base ?? 0)) & 0xffff
    this.#asked.delete(sequence)
    if (this.#held.has(sequence)) return false
    this.#held.add(sequence)
    return true
  }

  /** What is between the newest packet and this one has to be asked for. */
  #notice(sequence: number): void {
    if (this.#newest !== undefined && sequence <= this.#newest) return
    for (let gap = (this.#newest ?? sequence) + 1; gap < sequence; gap++) {
      if (!this.#held.has(gap)) this.#asked.set(gap, Number.NEGATIVE_INFINITY)
    }
    this.#newest = sequence
  }

  requests(nowUs: number): number[] {
    const due = [...this.#asked]
      .filter(([, at]) => nowUs - at >= this.#assumedRoundTripUs)
      .map(([gap]) => gap)
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

/** Pictures over a path that loses packets on the way down; feedback comes back whole. On a virtual clock. */
export function watchPicture(addon: NativeAddon, watched: Watched): Watching {
  const { repair, seconds, wayDownUs, wayUpUs, isLost, packetsOf } = watched
  const world = new Simulation(addon)
  const publisher = world.join()
  const track = publisher.transport.createTrack({
    ...{ kind: 'video', mid: 'v', extensions: {}, layers: [{ ssrc: 1001 }] },
    payloads: [{ payloadType: 96, codec: 'vp8', clockRate: 90_000 }],
  })
  const peer = world.join({ pacingBitrate: 0 })
  const stream = peer.transport.createStream(track, {
    ...{ kind: 'video', mid: '7', extensions: { mid: 9, transportSequence: 5 }, padTo: 0 },
    payloads: [{ from: 96, payloadType: types.media, rtxPayloadType: types.rtx }],
    ...{ redPayloadType: types.red, fecPayloadType: types.fec },
  })
  stream.setRepair(repair)
  const watcher = new Watcher(stream.ssrc, watched.assumedRoundTripUs)
  const frames: Frame[] = []
  const path: { atUs: number; deliver: () => void }[] = []
  let bytes = 0
  let mediaPackets = 0
  let firstTime: number | undefined
  let delivering = false
  peer.passes = (direction, packet) => {
    if (delivering) return true
    if (direction === 'to-sfu') path.push({ atUs: world.now + wayUpUs, deliver: () => peer.send(packet) })
    else {
      const isMedia = (packet[0] ?? 0) >= 128 && ((packet[1] ?? 0) < 192 || (packet[1] ?? 0) > 223)
      if (isMedia) bytes += packet.length
      if (!isMedia || !isLost() || frames.length === 1)
        path.push({ atUs: world.now + wayDownUs, deliver: () => peer.receive(packet) })
    }
    return false
  }
  const totalMs = seconds * 1_000
  let base = 0
  for (let ms = 0; ms < totalMs + 1_000; ms++) {
    if (ms % frameMs === 0 && ms < totalMs) {
      const picture = ms / frameMs
      const packets = packetsOf(picture)
      const temporal = temporalLayers[picture % temporalLayers.length] ?? 0
      frames.push({ forwardedUs: world.now, missing: packets, completeUs: Number.POSITIVE_INFINITY })
      if (temporal === 0) base++
      for (let index = 0; index < packets; index++) {
        publisher.sendRtp({
          ...{ payloadType: 96, sequence: mediaPackets++, timestamp: picture * ticksPerFrame, ssrc: 1001 },
          marker: index === packets - 1,
          payload: vp8({
            ...{ picture, key: picture === 0, start: index === 0, temporal, tl0: base },
            size: payload.size,
          }),
        })
      }
    }
    // What follows in the same moment is hit by the same burst, what follows later is not.
    if (ms % soundMs === 0) isLost()
    // Consent lasts 30 s.
    if (ms % 10_000 === 0) for (const one of [publisher, peer]) one.bind()
    world.run(1)
    delivering = true
    for (const { deliver } of path.filter(({ atUs }) => atUs <= world.now)) deliver()
    delivering = false
    path.splice(0, path.length, ...path.filter(({ atUs }) => atUs > world.now))
    const { plain, rtcp } = peer.takeInbox()
    for (const packet of plain) {
      firstTime ??= readRtp(packet).timestamp
      for (const timestamp of watcher.take(packet)) {
        const frame = frames[((timestamp - firstTime) >>> 0) / ticksPerFrame]
        if (frame !== undefined && --frame.missing === 0) frame.completeUs = world.now
      }
    }
    for (const report of rtcp.filter(({ type }) => type === 200)) peer.sendRtcp(reportOn(report, stream.ssrc))
    if (ms % 20 === 0) {
      const asked = watcher.requests(world.now)
      if (asked.length > 0) peer.sendRtcp(writeNack(stream.ssrc, asked))
    }
    if (ms % feedbackMs === 0) for (const feedback of watcher.feedback()) peer.sendRtcp(feedback)
  }
  world.close()
  return {
    onTime: onTimeOf(frames, watched.withinUs),
    bytes: bytes / (mediaPackets * (payload.size + payload.overhead)),
  }
}

/** A receiver report that lets the round trip be known. */
function reportOn({ body }: Rtcp, ssrc: number): Uint8Array {
  const block = Buffer.alloc(24)
  block.writeUInt32BE(ssrc, 0)
  block.writeUInt32BE(body.readUInt32BE(2), 16)
  return writeRtcp(201, 1, 1, block)
}

/** The share of frames that could be shown in time: whole, as all that they stand on. */
function onTimeOf(frames: readonly Frame[], withinUs: number): number {
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
