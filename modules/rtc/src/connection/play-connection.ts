import type { TransportCloseReason } from '@parley/fastpath'
import {
  type Codec,
  type MediaDescription,
  type SessionDescription,
  serializeSdp,
} from '@parley/protocols/sdp'
import { UnsupportedSdpError } from '../errors.ts'
import type { MediaWorker } from '../sfu/media-worker.ts'
import { acceptedCodecs, egressPayloads, playableCodecs } from './codecs.ts'
import { extensionIds, playableExtensions } from './header-extensions.ts'
import { acceptedProtection, protectionOf } from './protection.ts'
import { sessionId } from './publish-connection.ts'
import type { ReceivingConnection } from './receiving-connection.ts'
import { ServerTransport } from './server-transport.ts'
import type { NegotiatedTrack, OfferedTrack } from './subscribe-connection.ts'

export interface PlayConnectionOptions {
  worker: MediaWorker
  announced: readonly string[]
  /** Feedback that measures the player's path is agreed to where it is offered. */
  measured: boolean
  /** Protection of pictures is agreed to where it is offered. */
  protects: boolean
  offer: SessionDescription
  onTrack: (publicationId: string, negotiated: NegotiatedTrack | undefined) => void
  onClosed: (reason: TransportCloseReason) => void
}

interface Slot {
  readonly section: MediaDescription
  codecs: readonly Codec[]
  track: OfferedTrack | undefined
  ssrcs: readonly number[]
}

/**
 * The connection of a WHEP player: it offers what it can receive, and each section of its offer plays one publication,
 * the next when that one ends. Nothing is negotiated again: another publication comes under a new SSRC, known by the
 * mid in its packets.
 */
export class PlayConnection implements ReceivingConnection {
  readonly server: ServerTransport
  readonly #options: PlayConnectionOptions
  readonly #slots: Slot[]
  readonly #waiting = new Map<string, OfferedTrack>()
  readonly #setup: 'active' | 'passive'
  readonly #sessionId = sessionId()
  #answered = false

  /** @throws AppError for an offer that receives nothing, or no codec that is known here. */
  constructor(options: PlayConnectionOptions) {
    const { offer, worker, announced } = options
    this.#options = options
    this.#slots = offer.media.filter(plays).map((section) => ({
      ...{ section, codecs: acceptedCodecs(section), track: undefined, ssrcs: [] },
    }))
    if (this.#slots.length === 0) {
      throw new UnsupportedSdpError(
        'The offer has no section that receives audio or video in a codec known here',
      )
    }
    this.server = new ServerTransport(worker, announced, { measured: options.measured })
    this.server.transport.on('closed', ({ reason }) => options.onClosed(reason))
    try {
      this.#setup = this.server.takeOffer(offer)
    } catch (error) {
      this.server.close()
      throw error
    }
  }

  add(track: OfferedTrack): void {
    const slot = this.#slots.find(({ section, track: taken }) => section.kind === track.kind && !taken)
    if (slot === undefined) this.#waiting.set(track.publicationId, track)
    else this.#play(slot, track)
  }

  remove(publicationId: string): void {
    this.#waiting.delete(publicationId)
    const slot = this.#slots.find(({ track }) => track?.publicationId === publicationId)
    if (slot === undefined) return
    slot.track = undefined
    for (const next of this.#waiting.values()) {
      if (next.kind !== slot.section.kind) continue
      this.#waiting.delete(next.publicationId)
      this.#play(slot, next)
      return
    }
  }

  /** The answer, with what plays by now. */
  answer(): string {
    this.#answered = true
    const media = this.#options.offer.media.map((section) => this.#describe(section))
    return serializeSdp({
      ...{ sessionId: this.#sessionId, sessionVersion: 1, iceLite: true, media },
      bundle: media.filter(({ rejected }) => !rejected).map(({ mid }) => mid),
      transport: this.server.describe(this.#setup),
    })
  }

  close(): void {
    this.server.close()
  }

  #play(slot: Slot, track: OfferedTrack): void {
    slot.track = track
    // What the publisher sends comes first; after the answer its codecs are settled.
    if (!this.#answered) slot.codecs = playableCodecs(slot.section, track.codecs)
    const payloads = egressPayloads(track.codecs, slot.codecs)
    const ssrc = this.#options.worker.newSsrc()
    const rtxSsrc = payloads.some(({ rtxPayloadType }) => rtxPayloadType !== undefined)
      ? this.#options.worker.newSsrc()
      : 0
    slot.ssrcs = rtxSsrc === 0 ? [ssrc] : [ssrc, rtxSsrc]
    const { mid } = slot.section
    const extensions = extensionIds(playableExtensions(slot.section, this.#options))
    const protection = protectionOf(this.#protectionOf(slot.section))
    const negotiated = { mid, ssrc, rtxSsrc, payloads, extensions, protection }
    this.#options.onTrack(track.publicationId, payloads.length === 0 ? undefined : negotiated)
  }

  #protectionOf({ kind, codecs }: MediaDescription): Codec[] {
    return this.#options.protects && kind === 'video' ? acceptedProtection(codecs) : []
  }

  #describe(section: MediaDescription): MediaDescription {
    const slot = this.#slots.find((one) => one.section === section)
    const { mid, kind, protocol } = section
    const answer = { mid, kind, protocol, rids: [], sources: [], sourceGroups: [] }
    if (slot === undefined) {
      return { ...answer, direction: 'inactive', rejected: true, codecs: [], headerExtensions: [] }
    }
    const { codecs, track, ssrcs } = slot
    const cname = track?.participantId ?? '-'
    return {
      ...{ ...answer, direction: 'sendonly', rejected: false },
      codecs: [...codecs, ...this.#protectionOf(section)],
      headerExtensions: playableExtensions(section, this.#options),
      ...(track !== undefined && {
        msid: { stream: track.mediaStream, track: track.publicationId },
        sources: ssrcs.map((ssrc) => ({ ssrc, cname })),
        sourceGroups: ssrcs.length > 1 ? [{ semantics: 'FID', ssrcs }] : [],
      }),
    }
  }
}

function plays(section: MediaDescription): boolean {
  const receives = section.direction === 'recvonly' || section.direction === 'sendrecv'
  return receives && !section.rejected && acceptedCodecs(section).length > 0
}
