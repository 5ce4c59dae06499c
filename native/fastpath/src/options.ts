/** Codecs the packet path looks inside; `other` is forwarded opaquely. */
export type CodecName = 'opus' | 'red' | 'pcmu' | 'pcma' | 'g722' | 'vp8' | 'vp9' | 'h264' | 'av1' | 'other'

export type MediaKind = 'audio' | 'video'

/** RTP header extensions the packet path reads or writes, with their SDP URIs. */
export const extensionUris = {
  mid: 'urn:ietf:params:rtp-hdrext:sdes:mid',
  rid: 'urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id',
  repairedRid: 'urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id',
  absSendTime: 'http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time',
  transportSequence: 'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01',
  audioLevel: 'urn:ietf:params:rtp-hdrext:ssrc-audio-level',
  dependencyDescriptor:
    'https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension',
  videoOrientation: 'urn:3gpp:video-orientation',
  playoutDelay: 'http://www.webrtc.org/experiments/rtp-hdrext/playout-delay',
  absCaptureTime: 'http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time',
  colorSpace: 'http://www.webrtc.org/experiments/rtp-hdrext/color-space',
} as const

export type ExtensionName = keyof typeof extensionUris

/** Negotiated `a=extmap` ids (1..255; above 14 the two-byte form of RFC 8285 is used). */
export type ExtensionIds = Partial<Record<ExtensionName, number>>

/** One local address the worker listens on; `port` 0 picks one free port for all addresses and both protocols. */
export type WorkerOptions = {
  /** Local IPv4 and IPv6 addresses, without brackets or zones. Each gets one UDP and one TCP socket. */
  addresses: readonly string[]
  port?: number
  /** ICE-TCP passive (RFC 6544) with RFC 4571 framing on the same port. Default true. */
  tcp?: boolean
  /**
   * A connected socket that gets a byte from the packet thread each 250 ms, 0 to 100: the share of that time it was busy.
   * Stays the caller's.
   */
  pulseFd?: number
  /** Kernel buffer asked for on each UDP socket, in bytes. Default 4 MiB. */
  socketBufferBytes?: number
} & CoreOptions

export type CoreOptions = {
  /** Silence after which a connected peer is dropped, in milliseconds (RFC 7675). Default 30000. */
  consentTimeoutMs?: number
  /** Time for ICE and DTLS to finish, in milliseconds. Default 30000. */
  connectTimeoutMs?: number
  /** How long video may wait for the rest of its frame, in milliseconds, to leave in fewer calls. Default 0. */
  frameHoldMs?: number
  /**
   * Packets of pictures that are sent on before what came meanwhile is looked at, so that sound does not wait for a picture to reach
   * everybody. Default 128, about half a millisecond.
   */
  piecePackets?: number
  /**
   * How long what transports with `reportSent` and `reportRtcp` report is collected before it is told, in milliseconds;
   * it saves a wake-up for each. Default 0.
   */
  reportHoldMs?: number
  /** How often audio levels are reported, in milliseconds. Default 100. */
  levelIntervalMs?: number
  /** How often transport-wide feedback is sent to publishers, in milliseconds. Default 50. */
  feedbackIntervalMs?: number
}

export type DtlsRole = 'server' | 'client'

export type TransportOptions = {
  /** ICE credentials of our side; made up when absent. */
  iceUfrag?: string
  icePwd?: string
  /** Send rate of paced (video) packets in bits a second; 0 sends at once. Default 10 Mbps. */
  pacingBitrate?: number
  /** Largest number of packets waiting in the pacer; beyond it new video packets are dropped. Default 2048. */
  maxQueuedPackets?: number
  /** Report raw compound RTCP holding receiver reports, transport feedback or REMB as `rtcp.received`. */
  reportRtcp?: boolean
  /** Report each packet that left with a transport-wide sequence number as `packets.sent`. */
  reportSent?: boolean
  /**
   * A relay leg: the UDP address of another worker of ours, and the index of our own. No ICE, no consent; DTLS proves
   * the peer. Its tracks declare their SSRCs, and an SSRC that ended never comes back: state of it is forgotten.
   */
  peer?: { address: string; port: number; local?: number }
}

export type RemoteParameters = {
  /** Our DTLS role: `server` when the peer's SDP says `setup:active`. */
  dtlsRole: DtlsRole
  /** sha-256 fingerprints of the peer's certificate as in SDP, colons and case free. One must match. */
  fingerprints: readonly string[]
  /** ICE credentials of the peer; with them a changed address is checked before media moves to it. */
  iceUfrag?: string
  icePwd?: string
}

/** One payload type a publisher may send. */
export type IngressPayload = {
  payloadType: number
  codec: CodecName
  clockRate: number
  /** Payload type of its RFC 4588 retransmissions. */
  rtxPayloadType?: number
}

/** One encoding. Known by SSRC (from SDP), or by rid, or, with neither, by the mid or payload type alone. */
export type IngressLayer = { rid?: string; ssrc?: number; rtxSsrc?: number }

export type IngressTrackOptions = {
  kind: MediaKind
  mid?: string
  payloads: readonly IngressPayload[]
  extensions: ExtensionIds
  /** Ascending quality; the index is the layer number used everywhere. Default: one anonymous layer. */
  layers?: readonly IngressLayer[]
  /** Ask the publisher for lost packets (RFC 4585). Default true for video, false for audio. */
  nack?: boolean
  /** Ask the publisher for key frames by PLI. Default true for video. */
  pli?: boolean
}

/** How one ingress payload type leaves towards a subscriber. */
export type EgressPayload = {
  /** The publisher's payload type. */
  from: number
  payloadType: number
  rtxPayloadType?: number
  /** Forward only the primary block of RFC 2198 packets, for subscribers without RED. */
  stripRed?: boolean
}

export type EgressStreamOptions = {
  kind: MediaKind
  payloads: readonly EgressPayload[]
  extensions: ExtensionIds
  mid?: string
  /** Made up when absent. */
  ssrc?: number
  /** Made up when absent and a payload has an `rtxPayloadType`. */
  rtxSsrc?: number
  /** RTCP canonical name; streams to be played in sync share it. */
  cname?: string
  /** Start without forwarding. Default false. */
  paused?: boolean
  /** First target layer. Default 0. */
  layer?: number
  /** Highest temporal layer forwarded. Default 7 (all). */
  temporalLayer?: number
  /** Highest spatial layer of SVC (VP9, AV1) forwarded, with all below it. Default 7 (all). */
  spatialLayer?: number
  /** How long sent packets stay answerable, in milliseconds. Default 1000 for video, 500 for audio. */
  historyMs?: number
  /**
   * Pad large video packets to equal sizes (8 bytes in the mean), so that several leave in one system call.
   * Default true.
   */
  equalSizes?: boolean
  /**
   * Begin at the track's last key frame when it is at most 1.5 s and 512 packets old, instead of asking for one: for
   * viewers who come and go without being heard. What is kept goes out at once, within the pacing. Default false.
   */
  startFromCache?: boolean
  /**
   * The same when it is at most so many milliseconds old and newer than all that was shown, whenever the stream begins or resumes: for
   * members, who find a key frame that others asked for a moment ago. Default 0.
   */
  startFromCacheMs?: number
  /** Only the chosen layer is sent: never a lower one in its place. Default false. */
  exactLayer?: boolean
  /**
   * Payload types under which the subscriber takes ULPFEC (RFC 5109) and RED (RFC 2198) for video. With both, VP8 and VP9
   * can be protected (`RepairOptions.fecShare`).
   */
  fecPayloadType?: number
  redPayloadType?: number
  /** Most packets kept for retransmission. Default 1024 for video, 128 for audio. */
  historyPackets?: number
}

/** What is done against losses beyond answering each request once. */
export type RepairOptions = {
  /**
   * Frames of sound that each RED packet (RFC 2198) carries beside its own, 1 to 17, for subscribers that take RED.
   * Default 0: RED is passed on as it came, at most one frame deep.
   */
  redDepth?: number
  /**
   * Copies that follow unasked, `copyDistanceMs` apart, up to 6: of sound as the identical packet, of video as RTX: the base
   * temporal layer first, the others from what the budget leaves. Default 0.
   */
  copies?: number
  /** Milliseconds between a packet and its copy, and between copies. Default 20. */
  copyDistanceMs?: number
  /** A request is answered several times, once more each time it is repeated, spread over half a round trip. */
  bursts?: boolean
  /**
   * With `bursts`: packets of the first round of answers, the n-th having n times as many, all 1 ms apart, so that the same
   * feedback tells of them; copies of video are so as well. Default 0: as with `bursts` alone.
   */
  answers?: number
  /**
   * Of a packet of video that is not known to have arrived `attemptsWithinMs` after it was forwarded, so many are on the way then,
   * while feedback comes at all: what is sent later would come too late to be shown. Default 0: never.
   */
  attempts?: number
  attemptsWithinMs?: number
  /** Milliseconds after its forwarding at which a packet is of no use any more. Default 0: as long as it is held. */
  deadlineMs?: number
  /**
   * Packets of ULPFEC for one packet of VP8 or VP9, 0 to 1: so many for pictures that others stand on, twice as many for key
   * frames, half for the others; within the repair budget, of which 40 % of what may be spent at once stays for answers. Only
   * for streams with `fecPayloadType`, which then go out within RED. Default 0.
   */
  fecShare?: number
}

export type PlayoutDelay = { minMs: number; maxMs: number }
