import type { Candidate } from './candidate.ts'

export type MediaKind = 'audio' | 'video' | 'application'
export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive'
/** Who opens the DTLS connection (RFC 8842): `actpass` leaves it to the answerer. */
export type DtlsSetup = 'active' | 'passive' | 'actpass'

export type Fingerprint = {
  /** Lower-case hash name, `sha-256`. */
  readonly algorithm: string
  /** Upper-case hex pairs joined by colons. */
  readonly value: string
}

export type TransportDescription = {
  readonly iceUfrag: string
  readonly icePwd: string
  readonly fingerprint: Fingerprint
  readonly setup: DtlsSetup
  readonly candidates: readonly Candidate[]
  readonly endOfCandidates: boolean
}

/** One encoding a section can carry. `rtx` is no codec of its own here: it belongs to the one it repairs. */
export type Codec = {
  readonly payloadType: number
  /** As written, `opus`, `VP8`; compare without case. */
  readonly name: string
  readonly clockRate: number
  readonly channels?: number
  /** Format parameters; one without `=` (telephone-event, red) has an empty value. */
  readonly parameters: Readonly<Record<string, string>>
  /** As written after the payload type: `nack`, `nack pli`, `transport-cc`. */
  readonly feedback: readonly string[]
  readonly retransmissionPayloadType?: number
}

export type HeaderExtensionMapping = {
  readonly id: number
  readonly uri: string
  readonly direction?: Direction
}

export type RestrictedStream = {
  readonly id: string
  readonly direction: 'send' | 'recv'
  /** Format parameters of RFC 8851, such as `max-width`. */
  readonly restrictions: Readonly<Record<string, string>>
}

export type Source = { readonly ssrc: number; readonly cname?: string }

export type SourceGroup = { readonly semantics: string; readonly ssrcs: readonly number[] }

export type MediaDescription = {
  readonly mid: string
  readonly kind: MediaKind
  readonly direction: Direction
  /** Refused or stopped: port 0 outside a bundle. */
  readonly rejected: boolean
  /** Transport protocol as written, `UDP/TLS/RTP/SAVPF`. */
  readonly protocol: string
  /** In order of preference. */
  readonly codecs: readonly Codec[]
  readonly headerExtensions: readonly HeaderExtensionMapping[]
  readonly rids: readonly RestrictedStream[]
  /** Rids of the simulcast streams in order, alternatives left out, a leading `~` (paused) taken off. */
  readonly simulcast?: { readonly send: readonly string[]; readonly recv: readonly string[] }
  readonly sources: readonly Source[]
  readonly sourceGroups: readonly SourceGroup[]
  /** The media stream and track the section sends. */
  readonly msid?: { readonly stream: string; readonly track?: string }
  /** Kilobits a second of `b=AS`. */
  readonly bandwidthKbps?: number
  /** Data channels only. */
  readonly sctp?: { readonly port: number; readonly maxMessageSize?: number }
}

/** What an SFU reads from an offer or answer and writes into its own (RFC 8866, RFC 8829). */
export type SessionDescription = {
  readonly sessionId: string
  readonly sessionVersion: number
  readonly iceLite: boolean
  /** Mids that share one transport. */
  readonly bundle: readonly string[]
  /** That of the first section that is not rejected: all sections must be in the bundle. */
  readonly transport: TransportDescription
  readonly media: readonly MediaDescription[]
}
