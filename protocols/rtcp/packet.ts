/** Statistics about one source (RFC 3550 section 6.4.1). */
export type ReportBlock = {
  readonly ssrc: number
  /** Since the last report, in 1/256. */
  readonly fractionLost: number
  /** Signed 24 bits: duplicates make it negative. */
  readonly packetsLost: number
  /** Highest sequence number, its count of wraps in the upper 16 bits. */
  readonly highestSequence: number
  /** In timestamp units. */
  readonly jitter: number
  /** Middle 32 bits of the last sender report's NTP time; 0 for none. */
  readonly lastSenderReport: number
  /** Since that report, in 1/65536 s. */
  readonly delaySinceLastSenderReport: number
}

/** NTP time: seconds since 1900 and 1/2^32 seconds, both unsigned 32 bits. */
export type NtpTime = { readonly seconds: number; readonly fraction: number }

export type SenderReport = {
  readonly type: 'sender-report'
  readonly ssrc: number
  readonly ntp: NtpTime
  readonly rtpTimestamp: number
  readonly packetCount: number
  readonly octetCount: number
  readonly reports: readonly ReportBlock[]
}

export type ReceiverReport = {
  readonly type: 'receiver-report'
  readonly ssrc: number
  readonly reports: readonly ReportBlock[]
}

export type SourceDescription = {
  readonly type: 'source-description'
  readonly chunks: readonly {
    readonly ssrc: number
    /** Item codes of RFC 3550 section 6.5; 1 is CNAME. */
    readonly items: readonly { readonly code: number; readonly value: string }[]
  }[]
}

export type Goodbye = {
  readonly type: 'goodbye'
  readonly ssrcs: readonly number[]
  readonly reason?: string
}

export type ApplicationDefined = {
  readonly type: 'application-defined'
  readonly subtype: number
  readonly ssrc: number
  /** Four ASCII characters. */
  readonly name: string
  /** A multiple of four bytes. */
  readonly data: Uint8Array
}

type Feedback = { readonly senderSsrc: number; readonly mediaSsrc: number }

/** Generic NACK (RFC 4585 section 6.2.1): sequence numbers asked for again, in the order of the packet. */
export type Nack = Feedback & { readonly type: 'nack'; readonly sequenceNumbers: readonly number[] }

/** Picture loss indication (RFC 4585 section 6.3.1). */
export type PictureLoss = Feedback & { readonly type: 'picture-loss' }

/** Full intra request (RFC 5104 section 4.3.1); an entry with a new sequence number is a new request. */
export type FullIntraRequest = Feedback & {
  readonly type: 'full-intra-request'
  readonly entries: readonly { readonly ssrc: number; readonly sequenceNumber: number }[]
}

/** Receiver estimated maximum bitrate (draft-alvestrand-rmcat-remb-03). */
export type ReceiverEstimate = Feedback & {
  readonly type: 'receiver-estimate'
  /** Bits a second; the wire keeps its 18 leading bits. */
  readonly bitrate: number
  readonly ssrcs: readonly number[]
}

/** Transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01). */
export type TransportFeedback = Feedback & {
  readonly type: 'transport-feedback'
  /** Sequence number of the first status. */
  readonly baseSequence: number
  /** Signed 24 bits, in units of 64 ms. */
  readonly referenceTime: number
  /** Eight bits; wraps. */
  readonly feedbackCount: number
  /**
   * For each sequence number from the base on: null when it did not arrive, else its distance in 250 us ticks from
   * the arrival before it (for the first: from the reference time).
   */
  readonly deltas: readonly (number | null)[]
}

/** Extended report (RFC 3611): what round trip times of receivers need, others kept as bytes. */
export type ExtendedReport = {
  readonly type: 'extended-report'
  readonly ssrc: number
  readonly blocks: readonly ExtendedReportBlock[]
}

export type ExtendedReportBlock =
  | { readonly type: 'receiver-reference-time'; readonly ntp: NtpTime }
  | {
      readonly type: 'delay-since-last-receiver-report'
      readonly receivers: readonly {
        readonly ssrc: number
        readonly lastReport: number
        readonly delay: number
      }[]
    }
  | { readonly type: 'unknown'; readonly code: number; readonly flags: number; readonly body: Uint8Array }

export type UnknownRtcp = {
  readonly type: 'unknown'
  readonly packetType: number
  /** The five bits after version and padding. */
  readonly count: number
  readonly body: Uint8Array
}

export type RtcpPacket =
  | SenderReport
  | ReceiverReport
  | SourceDescription
  | Goodbye
  | ApplicationDefined
  | Nack
  | PictureLoss
  | FullIntraRequest
  | ReceiverEstimate
  | TransportFeedback
  | ExtendedReport
  | UnknownRtcp

/** Packet types of the RTCP registry. */
export const PACKET_TYPE = {
  senderReport: 200,
  receiverReport: 201,
  sourceDescription: 202,
  goodbye: 203,
  applicationDefined: 204,
  transportFeedback: 205,
  payloadFeedback: 206,
  extendedReport: 207,
} as const

/** Feedback message types within 205 and 206. */
export const FEEDBACK = {
  nack: 1,
  transportWide: 15,
  pictureLoss: 1,
  fullIntraRequest: 4,
  application: 15,
} as const
