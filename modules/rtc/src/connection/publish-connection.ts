import { AppError } from '@parley/contracts'
import type { IngressTrack, TransportCloseReason } from '@parley/fastpath'
import {
  type Codec,
  type MediaDescription,
  parseSdp,
  type SessionDescription,
  serializeSdp,
} from '@parley/protocols/sdp'
import { reading, UnsupportedSdpError } from '../errors.ts'
import type { MediaWorker } from '../sfu/media-worker.ts'
import { acceptedCodecs, familyOf, ingressPayloads } from './codecs.ts'
import { acceptedExtensions, extensionIds } from './header-extensions.ts'
import { ServerTransport } from './server-transport.ts'

/** Media of one section, as it comes in. */
export interface PublishedSection {
  readonly mid: string
  readonly kind: 'audio' | 'video'
  readonly track: IngressTrack
  readonly codecs: readonly Codec[]
  /** Simulcast streams in the order of the offer, which is that of ascending quality; one for a single stream. */
  readonly layerCount: number
}

export interface PublishConnectionOptions {
  worker: MediaWorker
  announced: readonly string[]
  /** What comes is encrypted end to end: in codecs for which that is defined, without redundancy. */
  e2ee: boolean
  /** The part that the server takes in DTLS where the offer leaves it open. */
  setup: 'active' | 'passive'
  onClosed: (reason: TransportCloseReason) => void
}

export interface PublishAnswer {
  sdp: string
  /** By mid: what is published after this negotiation. Others are gone. */
  sections: ReadonlyMap<string, PublishedSection>
}

/**
 * The connection a participant publishes on: the client offers, we answer. A section keeps its track over later offers
 * as long as it carries the same codecs and layers. `close()` ends transport and tracks.
 */
export class PublishConnection {
  readonly server: ServerTransport
  readonly #e2ee: boolean
  readonly #setup: 'active' | 'passive'
  readonly #sections = new Map<string, PublishedSection & { signature: string }>()
  readonly #sessionId = sessionId()
  #sessionVersion = 0

  constructor({ worker, announced, e2ee, setup, onClosed }: PublishConnectionOptions) {
    this.#e2ee = e2ee
    this.#setup = setup
    this.server = new ServerTransport(worker, announced)
    this.server.transport.on('closed', ({ reason }) => onClosed(reason))
  }

  /**
   * Answers an offer. Of its sections those in `wanted` (by mid) are taken; `renewed` sections get a new track even when nothing
   * else changed, because another publication begins there. Nothing changes when it throws.
   */
  answer(
    offer: SessionDescription,
    wanted: ReadonlyMap<string, 'audio' | 'video'>,
    renewed: ReadonlySet<string> = new Set(),
  ): PublishAnswer {
    for (const [mid, kind] of wanted) {
      checkPublishable(
        offer.media.find((section) => section.mid === mid),
        { mid, kind },
        { e2ee: this.#e2ee },
      )
    }
    const setup = this.server.takeOffer(offer, this.#setup)
    for (const [mid, { track }] of this.#sections) {
      if (wanted.has(mid) && !renewed.has(mid)) continue
      track.close()
      this.#sections.delete(mid)
    }
    const media = offer.media.map((section) => this.#answerSection(section, wanted.has(section.mid)))
    this.#sessionVersion += 1
    const sdp = serializeSdp({
      sessionId: this.#sessionId,
      sessionVersion: this.#sessionVersion,
      iceLite: true,
      bundle: media.filter(({ rejected }) => !rejected).map(({ mid }) => mid),
      transport: this.server.describe(setup),
      media,
    })
    return { sdp, sections: this.#sections }
  }

  close(): void {
    this.server.close()
  }

  #answerSection(section: MediaDescription, wanted: boolean): MediaDescription {
    const codecs = acceptedCodecs(section, { e2ee: this.#e2ee }).map(withRequests)
    const rids = wanted && section.kind === 'video' ? (section.simulcast?.send ?? []) : []
    const headerExtensions = acceptedExtensions(section)
    const answer: MediaDescription = {
      mid: section.mid,
      kind: section.kind,
      direction: wanted ? 'recvonly' : 'inactive',
      rejected: section.rejected || codecs.length === 0,
      protocol: section.protocol,
      codecs,
      headerExtensions,
      rids: rids.map((id) => ({ id, direction: 'recv', restrictions: {} })),
      ...(rids.length > 0 && { simulcast: { send: [], recv: rids } }),
      sources: [],
      sourceGroups: [],
    }
    if (wanted) this.#ensureTrack(section, answer)
    return answer
  }

  #ensureTrack(
    offered: MediaDescription,
    { mid, kind, codecs, headerExtensions, rids }: MediaDescription,
  ): void {
    if (kind === 'application') return
    const payloads = ingressPayloads(codecs)
    const extensions = extensionIds(headerExtensions)
    const layers = rids.length > 0 ? rids.map(({ id }) => ({ rid: id })) : sourceLayers(offered)
    const signature = JSON.stringify([kind, payloads, extensions, rids.map(({ id }) => id)])
    const known = this.#sections.get(mid)
    if (known?.signature === signature) return
    known?.track.close()
    const track = this.server.transport.createTrack({
      ...{ kind, mid, payloads, extensions, nack: true },
      ...(layers.length > 0 && { layers }),
    })
    const layerCount = Math.max(1, layers.length)
    this.#sections.set(mid, { mid, kind, track, codecs, layerCount, signature })
  }
}

/** Browsers do not offer to send lost sound again, but do so where the answer asks for it. */
function withRequests(codec: Codec): Codec {
  if (familyOf(codec) !== 'opus' || codec.feedback.includes('nack')) return codec
  return { ...codec, feedback: [...codec.feedback, 'nack'] }
}

/** Clients without the mid extension (RFC 9143 allows them) are known by the SSRCs of their description. */
function sourceLayers({ sources, sourceGroups }: MediaDescription): { ssrc: number; rtxSsrc?: number }[] {
  const [ssrc, rtxSsrc] = sourceGroups.find(({ semantics }) => semantics === 'FID')?.ssrcs ?? []
  const first = ssrc ?? sources[0]?.ssrc
  if (first === undefined) return []
  return [{ ssrc: first, ...(rtxSsrc !== undefined && { rtxSsrc }) }]
}

function checkPublishable(
  section: MediaDescription | undefined,
  { mid, kind }: { mid: string; kind: 'audio' | 'video' },
  options: { e2ee: boolean },
): void {
  if (section?.kind !== kind) throw new AppError('invalid-request', `The offer has no ${kind} section ${mid}`)
  if (section.rejected || !(section.direction === 'sendonly' || section.direction === 'sendrecv')) {
    throw new AppError('invalid-request', `Section ${mid} of the offer does not send`)
  }
  if (acceptedCodecs(section, options).length === 0) {
    const lacking = options.e2ee ? 'encrypted end to end here' : 'known here'
    throw new UnsupportedSdpError(`Section ${mid} offers no codec that is ${lacking}`)
  }
  if ((section.simulcast?.send.length ?? 0) > 4) throw new UnsupportedSdpError('At most 4 simulcast layers')
}

/** Reads an offer or answer. @throws AppError `invalid-request`, `sdp-not-supported` */
export function readSdp(sdp: string): SessionDescription {
  const description = reading(() => parseSdp(sdp))
  if (description.media.length > 128) throw new UnsupportedSdpError('At most 128 sections')
  return description
}

/** Of the `o=` line; stays the same over a connection's life (RFC 8829, section 5.2.1). */
export function sessionId(): string {
  return String(Math.floor(Math.random() * 2 ** 47) + 1)
}
