/** Why a transport ended: by us, by silence, by the peer's DTLS alert, or by a failed or late handshake. */
export type TransportCloseReason =
  | 'closed'
  | 'consent-expired'
  | 'dtls-closed'
  | 'dtls-failed'
  | 'fingerprint-mismatch'
  | 'connect-timeout'
  | 'worker-closed'

export type SrtpProfile = 'AEAD_AES_128_GCM' | 'AES128_CM_SHA1_80'

/** The peer's address, and the index of our own among the worker's `addresses`. */
export type TransportPath = { protocol: 'udp' | 'tcp'; address: string; port: number; local: number }

export type TransportEvents = {
  /** DTLS finished and the fingerprint matched; media flows from here on. */
  connected: [{ srtpProfile: SrtpProfile }]
  /** The peer's address media is sent to, now and on each validated change. */
  'path.selected': [TransportPath]
  closed: [{ reason: TransportCloseReason }]
  /** One DTLS application datagram (an SCTP packet), within the rate of `allowData`. */
  'data.received': [{ bytes: Uint8Array }]
  /** A decrypted compound RTCP packet; `receivedAt` in microseconds of the worker clock. */
  'rtcp.received': [{ bytes: Uint8Array; receivedAt: number }]
  /** Packed 16-byte records, see `readSentPackets`. Always delivered before the feedback that refers to it. */
  'packets.sent': [{ bytes: Uint8Array }]
  /** RTCP BYE for these SSRCs. */
  'bye.received': [{ ssrcs: number[] }]
}

export type LayerSize = { width: number; height: number }

export type IngressTrackEvents = {
  /** The first packet of a layer arrived. */
  'layer.started': [{ layer: number; ssrc: number; payloadType: number }]
  /** Nothing of a layer arrived for over a second; `layer.started` follows when it comes back. */
  'layer.stopped': [{ layer: number }]
  /**
   * A key frame announced new sizes: of the picture, and of each spatial layer in ascending order (one without SVC).
   * VP8, VP9 and H.264 tell in the bitstream, AV1 in the dependency descriptor; 0 by 0 where they do not.
   */
  'layer.resized': [{ layer: number; width: number; height: number; spatial: LayerSize[] }]
  closed: []
}

export type EgressStreamEvents = {
  /**
   * A key frame of the target layer arrived and is being forwarded from here on, or other spatial layers of it are;
   * `spatial` is then the highest.
   */
  'layer.switched': [{ layer: number; spatial?: number }]
  closed: []
}

export type AudioLevel = {
  trackId: number
  /** Loudest level of the interval in -dBov: 0 is loudest, 127 silence (RFC 6464). */
  level: number
  /** Mean of the interval in -dBov. */
  mean: number
  /** Packets marked as voice by the publisher. */
  voicePackets: number
  packets: number
}

export type WorkerEvents = {
  /** Audio tracks that sent packets with the audio-level extension in the last interval. */
  'levels.measured': [readonly AudioLevel[]]
  /** A command that the native side could not carry out. Means a mistake in the caller. */
  'command.failed': [{ command: string; reason: string }]
  closed: []
}

export type SentPacket = {
  /** Extended transport-wide sequence number; its low 16 bits travelled in the packet. */
  sequence: number
  /** Bytes on the wire above UDP. */
  size: number
  /** Microseconds of the worker clock. */
  sentAt: number
}

/** Iterates the packed records of `packets.sent`: u32 sequence, u32 size, f64 time, little endian. */
export function* readSentPackets(bytes: Uint8Array): Generator<SentPacket> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = 0; at + 16 <= bytes.byteLength; at += 16) {
    yield {
      sequence: view.getUint32(at, true),
      size: view.getUint32(at + 4, true),
      sentAt: view.getFloat64(at + 8, true),
    }
  }
}
