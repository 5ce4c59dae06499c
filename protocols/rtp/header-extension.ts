import { ByteReader, ByteWriter } from '../bytes.ts'
import { ProtocolViolation } from '../violation.ts'

/** What an RTP header extension means: its name in SDP and its value on the wire. */
export type HeaderExtension<T> = {
  readonly uri: string
  /** Throws ProtocolViolation. */
  readonly parse: (bytes: Uint8Array) => T
  readonly serialize: (value: T) => Uint8Array
}

function identification(uri: string): HeaderExtension<string> {
  return {
    uri,
    parse: (bytes) => {
      const text = new TextDecoder().decode(bytes)
      if (!/^[\x21-\x7e]+$/.test(text)) throw new ProtocolViolation('rtp', `unreadable ${uri}`)
      return text
    },
    serialize: (value) => new TextEncoder().encode(value),
  }
}

/** Media section the packet belongs to (RFC 9143). */
export const mid = identification('urn:ietf:params:rtp-hdrext:sdes:mid')
/** Simulcast encoding the packet belongs to (RFC 8852). */
export const rtpStreamId = identification('urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id')
/** Simulcast encoding an RTX packet repairs (RFC 8852). */
export const repairedRtpStreamId = identification('urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id')

export type AudioLevel = {
  readonly voice: boolean
  /** Level in -dBov: 0 is the loudest, 127 silence. */
  readonly level: number
}

/** Client-to-mixer audio level (RFC 6464). */
export const audioLevel: HeaderExtension<AudioLevel> = {
  uri: 'urn:ietf:params:rtp-hdrext:ssrc-audio-level',
  parse: (bytes) => {
    const value = new ByteReader('rtp', bytes).u8()
    return { voice: (value & 0x80) !== 0, level: value & 0x7f }
  },
  serialize: ({ voice, level }) => Uint8Array.of((voice ? 0x80 : 0) | Math.max(0, Math.min(127, level))),
}

/** Absolute send time as 24 bits of 6.18 fixed-point seconds; wraps each 64 s. */
export const absoluteSendTime: HeaderExtension<number> = {
  uri: 'http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time',
  parse: (bytes) => new ByteReader('rtp', bytes).u24(),
  serialize: (value) => new ByteWriter(3).u24(value).finish(),
}

/** Milliseconds of any clock as the wire value of `absoluteSendTime`. */
export function toAbsoluteSendTime(milliseconds: number): number {
  return Math.floor((milliseconds % 64_000) * 262.144) & 0xffffff
}

/** Transport-wide sequence number (draft-holmer-rmcat-transport-wide-cc-extensions-01). */
export const transportSequence: HeaderExtension<number> = {
  uri: 'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01',
  parse: (bytes) => new ByteReader('rtp', bytes).u16(),
  serialize: (value) => new ByteWriter(2).u16(value).finish(),
}

export type VideoOrientation = {
  readonly camera: 'front' | 'back'
  /** Mirrored horizontally. */
  readonly flip: boolean
  /** Clockwise degrees to rotate before display. */
  readonly rotation: 0 | 90 | 180 | 270
}

const ROTATIONS = [0, 90, 180, 270] as const

/** Coordination of video orientation (3GPP TS 26.114 section 7.4.5). */
export const videoOrientation: HeaderExtension<VideoOrientation> = {
  uri: 'urn:3gpp:video-orientation',
  parse: (bytes) => {
    const value = new ByteReader('rtp', bytes).u8()
    return {
      camera: value & 0x08 ? 'back' : 'front',
      flip: (value & 0x04) !== 0,
      rotation: ROTATIONS[value & 0x03] ?? 0,
    }
  },
  serialize: ({ camera, flip, rotation }) => {
    return Uint8Array.of((camera === 'back' ? 8 : 0) | (flip ? 4 : 0) | ROTATIONS.indexOf(rotation))
  },
}

export type PlayoutDelay = { readonly minMs: number; readonly maxMs: number }

/** Limits of the receiver's playout delay: two 12-bit counts of 10 ms, so at most 40,950 ms. */
export const playoutDelay: HeaderExtension<PlayoutDelay> = {
  uri: 'http://www.webrtc.org/experiments/rtp-hdrext/playout-delay',
  parse: (bytes) => {
    const value = new ByteReader('rtp', bytes).u24()
    return { minMs: (value >> 12) * 10, maxMs: (value & 0xfff) * 10 }
  },
  serialize: ({ minMs, maxMs }) => {
    const units = (milliseconds: number) => Math.max(0, Math.min(0xfff, Math.round(milliseconds / 10)))
    return new ByteWriter(3).u24((units(minMs) << 12) | units(maxMs)).finish()
  },
}

/** AV1 dependency descriptor; read it with `parseDependencyDescriptor`, as later ones refer to the first. */
export const DEPENDENCY_DESCRIPTOR_URI =
  'https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension'
