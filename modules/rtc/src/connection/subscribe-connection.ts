import { AppError } from '@parley/contracts'
import type { DtlsRole, EgressPayload, ExtensionIds, TransportCloseReason } from '@parley/fastpath'
import {
  type Codec,
  type MediaDescription,
  type MediaKind,
  type SessionDescription,
  serializeSdp,
} from '@parley/protocols/sdp'
import { maxDataMessageBytes } from '../data/message-size.ts'
import type { MediaWorker } from '../sfu/media-worker.ts'
import { egressPayloads } from './codecs.ts'
import { extensionIds, offeredExtensions } from './header-extensions.ts'
import { PayloadTypes } from './payload-types.ts'
import { offeredProtection, type Protection, protectionOf } from './protection.ts'
import { sessionId } from './publish-connection.ts'
import { ServerTransport } from './server-transport.ts'

/** A publication to be sent, as the offer names it. */
export interface OfferedTrack {
  readonly publicationId: string
  readonly participantId: string
  readonly kind: 'audio' | 'video'
  readonly codecs: readonly Codec[]
  /** What is played in sync shares it. */
  readonly mediaStream: string
}

/** What is needed to send it, once the subscriber has agreed. */
export interface NegotiatedTrack {
  readonly mid: string
  readonly ssrc: number
  readonly rtxSsrc: number
  readonly payloads: readonly EgressPayload[]
  readonly extensions: ExtensionIds
  readonly protection: Protection | undefined
}

export interface SubscribeOffer {
  version: number
  sdp: string
  tracks: { mid: string; publicationId: string; participantId: string }[]
}

export interface SubscribeConnectionOptions {
  worker: MediaWorker
  announced: readonly string[]
  /** The subscriber is asked for the feedback that measures its path. */
  measured: boolean
  /** Protection of pictures is offered. */
  protects: boolean
  /** Versions go on from here: those of a participant never repeat. */
  lastVersion: number
  onOffer: (offer: SubscribeOffer) => void
  /** The subscriber agreed to a track; without a codec in common `negotiated` is undefined. */
  onTrack: (publicationId: string, negotiated: NegotiatedTrack | undefined) => void
  /** The subscriber agreed to data channels. */
  onData: (agreed: { dtlsRole: DtlsRole; port: number }) => void
  onClosed: (reason: TransportCloseReason) => void
}

type Assignment = OfferedTrack & { ssrc: number; rtxSsrc: number; agreed: boolean }

interface Section {
  readonly mid: string
  readonly kind: MediaKind
  codecs: readonly Codec[]
  assignment: Assignment | undefined
}

/**
 * The connection a participant subscribes on: we offer. Sections keep their mids; one whose publication ended goes
 * inactive and is taken up by the next of its kind. One negotiation is in flight at a time, and what changes meanwhile
 * goes into the next one. `close()` ends the transport and with it all that is sent.
 */
export class SubscribeConnection {
  readonly server: ServerTransport
  readonly #worker: MediaWorker
  readonly #options: SubscribeConnectionOptions
  readonly #sections: Section[] = []
  readonly #payloadTypes: PayloadTypes
  readonly #sessionId = sessionId()
  #version: number
  #pending: { version: number; assignments: Map<string, Assignment> } | undefined
  #changed = false
  #scheduled: NodeJS.Immediate | undefined
  #closed = false

  constructor(options: SubscribeConnectionOptions) {
    this.#options = options
    this.#worker = options.worker
    this.#version = options.lastVersion
    const { measured } = options
    this.#payloadTypes = new PayloadTypes({ measured })
    this.server = new ServerTransport(options.worker, options.announced, { measured })
    this.server.transport.on('closed', ({ reason }) => {
      this.close()
      options.onClosed(reason)
    })
  }

  /** Of the last offer. */
  get version(): number {
    return this.#version
  }

  add(track: OfferedTrack): void {
    const media = track.codecs.flatMap((codec) => this.#payloadTypes.offered(codec) ?? [])
    const codecs = [...media, ...(this.#options.protects ? offeredProtection(media) : [])]
    const ssrc = this.#worker.newSsrc()
    const rtxSsrc = track.kind === 'video' ? this.#worker.newSsrc() : 0
    const assignment = { ...track, ssrc, rtxSsrc, agreed: false }
    const free = this.#sections.find((section) => section.kind === track.kind && !section.assignment)
    if (free === undefined) {
      this.#sections.push({ mid: String(this.#sections.length), kind: track.kind, codecs, assignment })
    } else {
      free.assignment = assignment
      free.codecs = codecs
    }
    this.#change()
  }

  /** Offers data channels. A second time changes nothing. */
  addData(): void {
    if (this.#sections.some(({ kind }) => kind === 'application')) return
    const mid = String(this.#sections.length)
    this.#sections.push({ mid, kind: 'application', codecs: [], assignment: undefined })
    this.#change()
  }

  remove(publicationId: string): void {
    const section = this.#sections.find(({ assignment }) => assignment?.publicationId === publicationId)
    if (section === undefined) return
    section.assignment = undefined
    this.#change()
  }

  /** @throws AppError `conflict` unless this offer is the one in flight. */
  requireInFlight(version: number): void {
    if (this.#pending?.version === version) return
    throw new AppError('conflict', `Offer ${version} is not the one that waits for an answer`)
  }

  /** Takes the answer to the offer in flight. @throws AppError `conflict` for an answer to another. */
  handleAnswer(version: number, answer: SessionDescription): void {
    this.requireInFlight(version)
    const assignments = this.#pending?.assignments
    this.server.takeAnswer(answer)
    this.#pending = undefined
    const offered = this.#sections.find(({ kind }) => kind === 'application')?.mid
    const data = answer.media.find(({ mid, rejected }) => mid === offered && !rejected)
    if (data?.sctp !== undefined) {
      const dtlsRole = answer.transport.setup === 'passive' ? 'client' : 'server'
      this.#options.onData({ dtlsRole, port: data.sctp.port })
    }
    for (const section of answer.media) {
      const assignment = assignments?.get(section.mid)
      // Ended meanwhile, or another has the section: the next offer says so.
      if (assignment === undefined || assignment.agreed) continue
      if (this.#sections.find(({ mid }) => mid === section.mid)?.assignment !== assignment) continue
      assignment.agreed = true
      this.#options.onTrack(assignment.publicationId, negotiated(section, assignment))
    }
    if (this.#changed) this.#schedule()
  }

  /** A new offer with fresh ICE credentials, whatever was in flight. */
  restart(): void {
    this.server.restartIce()
    this.resend()
  }

  /** A new offer instead of the one in flight, for a client that may not have seen it. */
  resend(): void {
    this.#pending = undefined
    if (this.#sections.length > 0) this.#change()
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    clearImmediate(this.#scheduled)
    this.server.close()
  }

  #change(): void {
    this.#changed = true
    if (this.#pending === undefined) this.#schedule()
  }

  /** In a turn of its own: changes of one turn share an offer, and answers to frames leave before it. */
  #schedule(): void {
    if (this.#closed) return
    this.#scheduled ??= setImmediate(() => {
      this.#scheduled = undefined
      if (!this.#closed && this.#pending === undefined && this.#changed) this.#offer()
    })
  }

  #offer(): void {
    this.#changed = false
    this.#version += 1
    const assigned = this.#sections.flatMap(({ mid, assignment }) =>
      assignment ? [{ mid, assignment }] : [],
    )
    this.#pending = {
      version: this.#version,
      assignments: new Map(assigned.map(({ mid, assignment }) => [mid, assignment])),
    }
    const sdp = serializeSdp({
      sessionId: this.#sessionId,
      sessionVersion: this.#version,
      iceLite: true,
      bundle: this.#sections.map(({ mid }) => mid),
      // Not left to the browser, which repeats a lost flight ever more slowly.
      transport: this.server.describe('active'),
      media: this.#sections.map((section) => describeSection(section, this.#options)),
    })
    const tracks = assigned.map(({ mid, assignment: { publicationId, participantId } }) => ({
      mid,
      publicationId,
      participantId,
    }))
    this.#options.onOffer({ version: this.#version, sdp, tracks })
  }
}

function describeSection(
  { mid, kind, codecs, assignment }: Section,
  { measured }: { measured: boolean },
): MediaDescription {
  if (kind === 'application') return describeData(mid)
  const section = {
    ...{ mid, kind, codecs, rejected: false, protocol: 'UDP/TLS/RTP/SAVPF', rids: [] },
    headerExtensions: offeredExtensions(kind, { measured }),
  }
  if (assignment === undefined) return { ...section, direction: 'inactive', sources: [], sourceGroups: [] }
  const { ssrc, rtxSsrc, mediaStream: cname, publicationId } = assignment
  const ssrcs = rtxSsrc === 0 ? [ssrc] : [ssrc, rtxSsrc]
  return {
    ...section,
    direction: 'sendonly',
    msid: { stream: cname, track: publicationId },
    sources: ssrcs.map((source) => ({ ssrc: source, cname })),
    sourceGroups: rtxSsrc === 0 ? [] : [{ semantics: 'FID', ssrcs }],
  }
}

/** RFC 8841. */
function describeData(mid: string): MediaDescription {
  return {
    ...{ mid, kind: 'application', direction: 'sendrecv', rejected: false, protocol: 'UDP/DTLS/SCTP' },
    ...{ codecs: [], headerExtensions: [], rids: [], sources: [], sourceGroups: [] },
    sctp: { port: 5_000, maxMessageSize: maxDataMessageBytes },
  }
}

function negotiated(section: MediaDescription, assignment: Assignment): NegotiatedTrack | undefined {
  if (section.rejected || !(section.direction === 'recvonly' || section.direction === 'sendrecv'))
    return undefined
  const payloads = egressPayloads(assignment.codecs, section.codecs)
  if (payloads.length === 0) return undefined
  const { ssrc, rtxSsrc } = assignment
  const extensions = extensionIds(section.headerExtensions)
  return { mid: section.mid, ssrc, rtxSsrc, payloads, extensions, protection: protectionOf(section.codecs) }
}
