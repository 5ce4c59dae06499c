import { ByteReader, ByteWriter } from '../bytes.ts'
import type { RtpPacket } from './packet.ts'

export type RetransmissionStream = {
  readonly ssrc: number
  readonly payloadType: number
  /** Next sequence number of the retransmission stream itself. */
  readonly sequenceNumber: number
}

/** Wraps a packet for its retransmission stream (RFC 4588 section 4): the original number leads the payload. */
export function wrapRetransmission(packet: RtpPacket, stream: RetransmissionStream): RtpPacket {
  const payload = new ByteWriter(packet.payload.length + 2)
  payload.u16(packet.sequenceNumber).bytes(packet.payload)
  return { ...packet, ...stream, payload: payload.finish(), paddingLength: 0 }
}

/**
 * The original packet, or undefined for a padding-only packet as probing sends them. The receiver knows from the
 * SDP which stream this one repairs.
 */
export function unwrapRetransmission(
  packet: RtpPacket,
  repaired: { readonly ssrc: number; readonly payloadType: number },
): RtpPacket | undefined {
  if (packet.payload.length === 0) return undefined
  const reader = new ByteReader('rtx', packet.payload)
  const sequenceNumber = reader.u16()
  const { ssrc, payloadType } = repaired
  return { ...packet, ssrc, payloadType, sequenceNumber, payload: reader.take() }
}
