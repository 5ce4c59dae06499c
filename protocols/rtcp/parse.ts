import { ByteReader } from '../bytes.ts'
import { ProtocolViolation } from '../violation.ts'
import { unpackNack } from './nack.ts'
import {
  type ExtendedReportBlock,
  FEEDBACK,
  type NtpTime,
  PACKET_TYPE,
  type ReportBlock,
  type RtcpPacket,
  type SourceDescription,
} from './packet.ts'
import { readTransportFeedback } from './transport-feedback.ts'

const text = new TextDecoder()

/**
 * Reads a compound packet (RFC 3550 section 6.1), also a reduced-size one (RFC 5506). Types and feedback formats
 * that are not known come out as `unknown`; anything malformed makes the whole a ProtocolViolation.
 */
export function parseRtcp(bytes: Uint8Array): RtcpPacket[] {
  const packets: RtcpPacket[] = []
  for (let offset = 0; offset < bytes.length; ) {
    const header = new ByteReader('rtcp', bytes, offset)
    const first = header.u8()
    const packetType = header.u8()
    const length = header.u16() * 4
    if (first >> 6 !== 2) throw new ProtocolViolation('rtcp', `version ${first >> 6}`, { offset })
    if (length > header.remaining)
      throw header.violation(`packet of ${length} bytes, has ${header.remaining}`)
    const start = offset + 4
    let end = start + length
    offset = end
    if (first & 0x20) {
      const padding = bytes[end - 1] ?? 0
      if (padding === 0 || padding > length) throw header.violation(`padding of ${padding} bytes`)
      end -= padding
    }
    packets.push(parsePacket(new ByteReader('rtcp', bytes, start, end), packetType, first & 0x1f))
  }
  if (packets.length === 0) throw new ProtocolViolation('rtcp', 'empty packet')
  return packets
}

function parsePacket(reader: ByteReader, packetType: number, count: number): RtcpPacket {
  switch (packetType) {
    case PACKET_TYPE.senderReport:
      return {
        type: 'sender-report',
        ssrc: reader.u32(),
        ntp: readNtp(reader),
        rtpTimestamp: reader.u32(),
        packetCount: reader.u32(),
        octetCount: reader.u32(),
        reports: readReports(reader, count),
      }
    case PACKET_TYPE.receiverReport:
      return { type: 'receiver-report', ssrc: reader.u32(), reports: readReports(reader, count) }
    case PACKET_TYPE.sourceDescription:
      return readSourceDescription(reader, count)
    case PACKET_TYPE.goodbye: {
      const ssrcs = Array.from({ length: count }, () => reader.u32())
      if (reader.remaining === 0) return { type: 'goodbye', ssrcs }
      return { type: 'goodbye', ssrcs, reason: text.decode(reader.take(reader.u8())) }
    }
    case PACKET_TYPE.applicationDefined: {
      const ssrc = reader.u32()
      const name = String.fromCharCode(...reader.take(4))
      return { type: 'application-defined', subtype: count, ssrc, name, data: reader.take() }
    }
    case PACKET_TYPE.transportFeedback:
    case PACKET_TYPE.payloadFeedback:
      return readFeedback(reader, packetType, count)
    case PACKET_TYPE.extendedReport:
      return { type: 'extended-report', ssrc: reader.u32(), blocks: readExtendedBlocks(reader) }
    default:
      return { type: 'unknown', packetType, count, body: reader.take() }
  }
}

function readNtp(reader: ByteReader): NtpTime {
  return { seconds: reader.u32(), fraction: reader.u32() }
}

function readReports(reader: ByteReader, count: number): ReportBlock[] {
  return Array.from({ length: count }, () => {
    const ssrc = reader.u32()
    const fractionLost = reader.u8()
    return {
      ssrc,
      fractionLost,
      packetsLost: (reader.u24() << 8) >> 8,
      highestSequence: reader.u32(),
      jitter: reader.u32(),
      lastSenderReport: reader.u32(),
      delaySinceLastSenderReport: reader.u32(),
    }
  })
}

function readSourceDescription(reader: ByteReader, count: number): SourceDescription {
  const chunks = []
  for (let index = 0; index < count; index++) {
    const start = reader.offset
    const ssrc = reader.u32()
    const items: { code: number; value: string }[] = []
    for (let code = reader.u8(); code !== 0; code = reader.u8()) {
      items.push({ code, value: text.decode(reader.take(reader.u8())) })
    }
    reader.skip((4 - ((reader.offset - start) % 4)) % 4)
    chunks.push({ ssrc, items })
  }
  return { type: 'source-description', chunks }
}

function readFeedback(reader: ByteReader, packetType: number, format: number): RtcpPacket {
  const body = new ByteReader('rtcp', reader.bytes, reader.offset, reader.end)
  const unknown = (): RtcpPacket => ({ type: 'unknown', packetType, count: format, body: body.take() })
  const senderSsrc = reader.u32()
  const mediaSsrc = reader.u32()
  if (packetType === PACKET_TYPE.transportFeedback) {
    if (format === FEEDBACK.nack) {
      const pairs: [number, number][] = []
      while (reader.remaining > 0) pairs.push([reader.u16(), reader.u16()])
      return { type: 'nack', senderSsrc, mediaSsrc, sequenceNumbers: unpackNack(pairs) }
    }
    if (format === FEEDBACK.transportWide) {
      const body = readTransportFeedback(reader.bytes, reader.offset, reader.end)
      return { type: 'transport-feedback', senderSsrc, mediaSsrc, ...body }
    }
    return unknown()
  }
  if (format === FEEDBACK.pictureLoss) return { type: 'picture-loss', senderSsrc, mediaSsrc }
  if (format === FEEDBACK.fullIntraRequest) {
    const entries = []
    while (reader.remaining > 0) {
      entries.push({ ssrc: reader.u32(), sequenceNumber: reader.u8() })
      reader.skip(3)
    }
    return { type: 'full-intra-request', senderSsrc, mediaSsrc, entries }
  }
  if (format === FEEDBACK.application && reader.remaining >= 8 && reader.u32() === REMB) {
    const count = reader.u8()
    const packed = reader.u24()
    const bitrate = (packed & 0x3ffff) * 2 ** (packed >> 18)
    const ssrcs = Array.from({ length: count }, () => reader.u32())
    return { type: 'receiver-estimate', senderSsrc, mediaSsrc, bitrate, ssrcs }
  }
  return unknown()
}

/** 'REMB' as a number. */
export const REMB = 0x52454d42

function readExtendedBlocks(reader: ByteReader): ExtendedReportBlock[] {
  const blocks: ExtendedReportBlock[] = []
  while (reader.remaining > 0) {
    const code = reader.u8()
    const flags = reader.u8()
    const length = reader.u16() * 4
    if (code === 4 && length === 8) {
      blocks.push({ type: 'receiver-reference-time', ntp: readNtp(reader) })
    } else if (code === 5 && length % 12 === 0) {
      const receivers = Array.from({ length: length / 12 }, () => {
        return { ssrc: reader.u32(), lastReport: reader.u32(), delay: reader.u32() }
      })
      blocks.push({ type: 'delay-since-last-receiver-report', receivers })
    } else {
      blocks.push({ type: 'unknown', code, flags, body: reader.take(length) })
    }
  }
  return blocks
}
