import { ArrivalRecorder, type RtcpPacket } from '@parley/protocols/rtcp'
import {
  audioLevel,
  mid as midExtension,
  parseRtp,
  type RtpPacket,
  repairedRtpStreamId,
  rtpStreamId,
  transportSequence,
  unwrapRetransmission,
} from '@parley/protocols/rtp'
import type { MediaDescription } from '@parley/protocols/sdp'
import { InboundStream } from './media/inbound-stream.ts'
import { extensionId } from './negotiation.ts'

const KEY_FRAME_REQUEST_INTERVAL_MS = 500
/** How long a picture may stand before a key frame is asked for: at first, and later, when NACK may repair it. */
const FIRST_PATIENCE = { minimumMs: 100, roundTrips: 1.5 }
const REPAIR_PATIENCE = { minimumMs: 400, roundTrips: 3 }

/** The receiving half of a peer: tells streams apart, and says what feedback is due. It sends nothing itself. */
export class Receiver {
  readonly streams = new Map<number, InboundStream>()
  readonly #localSsrc: number
  readonly #arrivals: ArrivalRecorder
  /** Original SSRC of each retransmission SSRC. */
  readonly #repairs = new Map<number, number>()
  readonly #keyFrameAskedMs = new Map<number, number>()
  #remote: readonly MediaDescription[] = []
  #transportSequenceId: number | undefined
  unassigned = 0

  constructor(options: { readonly localSsrc: number }) {
    this.#localSsrc = options.localSsrc
    this.#arrivals = new ArrivalRecorder({ senderSsrc: options.localSsrc, mediaSsrc: 0 })
  }

  /** The sections as the remote side describes them, with the ids both agreed on. */
  setRemote(media: readonly MediaDescription[]): void {
    this.#remote = media.filter(({ rejected, kind }) => !rejected && kind !== 'application')
    for (const section of this.#remote) {
      for (const { semantics, ssrcs } of section.sourceGroups) {
        const [original, repair] = ssrcs
        if (semantics === 'FID' && original !== undefined && repair !== undefined)
          this.#repairs.set(repair, original)
      }
    }
    // One number means one extension in all of a bundle, but not every section has it.
    const ids = this.#remote.map((section) => extensionId(section, transportSequence.uri))
    this.#transportSequenceId = ids.find((id) => id !== undefined)
  }

  handle(bytes: Uint8Array, arrivalMs: number): void {
    const packet = parseRtp(bytes)
    const transport = this.#transportSequenceId && packet.extensions.get(this.#transportSequenceId)
    if (transport) this.#arrivals.record(transportSequence.parse(transport), arrivalMs * 1_000)
    const section = this.#sectionOf(packet)
    const repaired = section?.codecs.find((codec) => codec.retransmissionPayloadType === packet.payloadType)
    if (section && repaired) {
      const ssrc = this.#repairedSsrc(packet, section)
      const original = ssrc === undefined ? undefined : { ssrc, payloadType: repaired.payloadType }
      const unwrapped = original && unwrapRetransmission(packet, original)
      if (unwrapped) this.streams.get(unwrapped.ssrc)?.handle(unwrapped, arrivalMs, true)
      return
    }
    const stream = this.streams.get(packet.ssrc) ?? (section && this.#open(packet, section))
    if (!stream) {
      this.unassigned++
      return
    }
    const levelId = section && extensionId(section, audioLevel.uri)
    const level = levelId === undefined ? undefined : packet.extensions.get(levelId)
    if (level && stream.kind === 'audio') stream.audioLevel = audioLevel.parse(level)
    stream.handle(packet, arrivalMs, false)
  }

  /** NACKs and key frame requests that are due. */
  dueRepairs(nowMs: number, roundTripMs: number): RtcpPacket[] {
    const packets: RtcpPacket[] = []
    for (const stream of this.streams.values()) {
      const sequenceNumbers = stream.loss.dueNacks(nowMs, roundTripMs)
      const addressed = { senderSsrc: this.#localSsrc, mediaSsrc: stream.ssrc }
      if (sequenceNumbers.length > 0) {
        stream.nacksSent += sequenceNumbers.length
        packets.push({ type: 'nack', ...addressed, sequenceNumbers })
      }
      const patience = stream.waitsForFirstKeyFrame ? FIRST_PATIENCE : REPAIR_PATIENCE
      const waits = stream.blockedMs(nowMs) > Math.max(patience.minimumMs, patience.roundTrips * roundTripMs)
      const askedMs = this.#keyFrameAskedMs.get(stream.ssrc) ?? -Infinity
      if (stream.kind === 'video' && waits && nowMs - askedMs > KEY_FRAME_REQUEST_INTERVAL_MS) {
        this.#keyFrameAskedMs.set(stream.ssrc, nowMs)
        stream.keyFramesRequested++
        packets.push({ type: 'picture-loss', ...addressed })
      }
    }
    return packets
  }

  /** Transport-wide feedback on what arrived since the last call. */
  dueFeedback(): RtcpPacket[] {
    const [mediaSsrc = 0] = this.streams.keys()
    return this.#arrivals.take().map((feedback) => ({ ...feedback, mediaSsrc }))
  }

  #sectionOf(packet: RtpPacket): MediaDescription | undefined {
    const known = this.streams.get(packet.ssrc)
    if (known) return this.#remote.find((section) => section.mid === known.mid)
    const bySource = this.#remote.find(({ sources }) => sources.some(({ ssrc }) => ssrc === packet.ssrc))
    if (bySource) return bySource
    for (const section of this.#remote) {
      const named = readText(packet, section, midExtension)
      if (named !== undefined) return this.#remote.find((section) => section.mid === named)
    }
    const byType = this.#remote.filter(({ codecs }) => {
      return codecs.some((codec) => {
        return (
          codec.payloadType === packet.payloadType || codec.retransmissionPayloadType === packet.payloadType
        )
      })
    })
    return byType.length === 1 ? byType[0] : undefined
  }

  #repairedSsrc(packet: RtpPacket, section: MediaDescription): number | undefined {
    const known = this.#repairs.get(packet.ssrc)
    if (known !== undefined) return known
    const rid = readText(packet, section, repairedRtpStreamId)
    const candidates = [...this.streams.values()].filter((stream) => {
      return stream.mid === section.mid && (rid === undefined || stream.rid === rid)
    })
    const [only] = candidates
    if (!only || candidates.length > 1) return undefined
    this.#repairs.set(packet.ssrc, only.ssrc)
    return only.ssrc
  }

  #open(packet: RtpPacket, section: MediaDescription): InboundStream | undefined {
    const codec = section.codecs.find(({ payloadType }) => payloadType === packet.payloadType)
    if (!codec) return undefined
    const rid = readText(packet, section, rtpStreamId)
    const stream = new InboundStream({
      ssrc: packet.ssrc,
      mid: section.mid,
      ...(rid !== undefined && { rid }),
      kind: section.kind,
      clockRate: codec.clockRate,
      codecs: new Map(section.codecs.map(({ payloadType, name }) => [payloadType, name.toLowerCase()])),
    })
    this.streams.set(packet.ssrc, stream)
    return stream
  }
}

function readText(
  packet: RtpPacket,
  section: MediaDescription,
  extension: { readonly uri: string; readonly parse: (bytes: Uint8Array) => string },
): string | undefined {
  const id = extensionId(section, extension.uri)
  const value = id === undefined ? undefined : packet.extensions.get(id)
  return value && extension.parse(value)
}
