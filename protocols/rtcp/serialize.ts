import { ByteWriter } from '../bytes.ts'
import { ProtocolViolation } from '../violation.ts'
import { packNack } from './nack.ts'
import { FEEDBACK, PACKET_TYPE, type ReportBlock, type RtcpPacket } from './packet.ts'
import { REMB } from './parse.ts'
import { writeTransportFeedback } from './transport-feedback.ts'

const utf8 = new TextEncoder()

/** The packets one after the other, as one compound packet. Throws ProtocolViolation for what does not fit. */
export function serializeRtcp(packets: readonly RtcpPacket[]): Uint8Array {
  const writer = new ByteWriter(256)
  for (const packet of packets) {
    const start = writer.length
    writer.u32(0)
    const { packetType, count } = writeBody(writer, packet)
    writer.zeros((4 - ((writer.length - start) % 4)) % 4)
    if (count > 31) throw new ProtocolViolation('rtcp', `${count} entries in one packet`)
    writer.patchU16(start, 0x8000 | (count << 8) | packetType)
    writer.patchU16(start + 2, (writer.length - start) / 4 - 1)
  }
  return writer.finish()
}

function writeBody(writer: ByteWriter, packet: RtcpPacket): { packetType: number; count: number } {
  switch (packet.type) {
    case 'sender-report':
      writer.u32(packet.ssrc).u32(packet.ntp.seconds).u32(packet.ntp.fraction)
      writer.u32(packet.rtpTimestamp).u32(packet.packetCount).u32(packet.octetCount)
      writeReports(writer, packet.reports)
      return { packetType: PACKET_TYPE.senderReport, count: packet.reports.length }
    case 'receiver-report':
      writer.u32(packet.ssrc)
      writeReports(writer, packet.reports)
      return { packetType: PACKET_TYPE.receiverReport, count: packet.reports.length }
    case 'source-description':
      for (const { ssrc, items } of packet.chunks) {
        const start = writer.length
        writer.u32(ssrc)
        for (const { code, value } of items) {
          writer.u8(code)
          writeShortText(writer, value)
        }
        writer.zeros(4 - ((writer.length - start) % 4))
      }
      return { packetType: PACKET_TYPE.sourceDescription, count: packet.chunks.length }
    case 'goodbye':
      for (const ssrc of packet.ssrcs) writer.u32(ssrc)
      if (packet.reason !== undefined) writeShortText(writer, packet.reason)
      return { packetType: PACKET_TYPE.goodbye, count: packet.ssrcs.length }
    case 'application-defined':
      if (!/^[\x20-\x7e]{4}$/.test(packet.name))
        throw new ProtocolViolation('rtcp', `APP name ${packet.name}`)
      writer.u32(packet.ssrc).bytes(utf8.encode(packet.name)).bytes(packet.data)
      return { packetType: PACKET_TYPE.applicationDefined, count: packet.subtype }
    case 'nack':
      writer.u32(packet.senderSsrc).u32(packet.mediaSsrc)
      for (const [first, following] of packNack(packet.sequenceNumbers)) writer.u16(first).u16(following)
      return { packetType: PACKET_TYPE.transportFeedback, count: FEEDBACK.nack }
    case 'transport-feedback':
      writer.u32(packet.senderSsrc).u32(packet.mediaSsrc)
      writeTransportFeedback(writer, packet)
      return { packetType: PACKET_TYPE.transportFeedback, count: FEEDBACK.transportWide }
    case 'picture-loss':
      writer.u32(packet.senderSsrc).u32(packet.mediaSsrc)
      return { packetType: PACKET_TYPE.payloadFeedback, count: FEEDBACK.pictureLoss }
    case 'full-intra-request':
      writer.u32(packet.senderSsrc).u32(packet.mediaSsrc)
      for (const { ssrc, sequenceNumber } of packet.entries) writer.u32(ssrc).u8(sequenceNumber).zeros(3)
      return { packetType: PACKET_TYPE.payloadFeedback, count: FEEDBACK.fullIntraRequest }
    case 'receiver-estimate': {
      if (packet.ssrcs.length > 255)
        throw new ProtocolViolation('rtcp', `REMB for ${packet.ssrcs.length} streams`)
      writer.u32(packet.senderSsrc).u32(packet.mediaSsrc).u32(REMB)
      writer.u8(packet.ssrcs.length).u24(packBitrate(packet.bitrate))
      for (const ssrc of packet.ssrcs) writer.u32(ssrc)
      return { packetType: PACKET_TYPE.payloadFeedback, count: FEEDBACK.application }
    }
    case 'extended-report':
      writer.u32(packet.ssrc)
      for (const block of packet.blocks) {
        switch (block.type) {
          case 'receiver-reference-time':
            writer.u8(4).u8(0).u16(2).u32(block.ntp.seconds).u32(block.ntp.fraction)
            break
          case 'delay-since-last-receiver-report':
            writer
              .u8(5)
              .u8(0)
              .u16(block.receivers.length * 3)
            for (const { ssrc, lastReport, delay } of block.receivers)
              writer.u32(ssrc).u32(lastReport).u32(delay)
            break
          case 'unknown':
            writer
              .u8(block.code)
              .u8(block.flags)
              .u16(block.body.length / 4)
              .bytes(block.body)
            break
        }
      }
      return { packetType: PACKET_TYPE.extendedReport, count: 0 }
    case 'unknown':
      writer.bytes(packet.body)
      return { packetType: packet.packetType, count: packet.count }
  }
}

function writeReports(writer: ByteWriter, reports: readonly ReportBlock[]): void {
  for (const report of reports) {
    const lost = Math.max(-0x800000, Math.min(0x7fffff, report.packetsLost))
    writer
      .u32(report.ssrc)
      .u8(report.fractionLost)
      .u24(lost & 0xffffff)
      .u32(report.highestSequence)
      .u32(report.jitter)
      .u32(report.lastSenderReport)
      .u32(report.delaySinceLastSenderReport)
  }
}

function writeShortText(writer: ByteWriter, value: string): void {
  const bytes = utf8.encode(value)
  if (bytes.length > 255) throw new ProtocolViolation('rtcp', `text of ${bytes.length} bytes`)
  writer.u8(bytes.length).bytes(bytes)
}

/** Six bits of exponent, eighteen of mantissa, rounded down. */
function packBitrate(bitrate: number): number {
  if (!(bitrate >= 0)) throw new ProtocolViolation('rtcp', `bitrate ${bitrate}`)
  let exponent = 0
  let mantissa = Math.floor(bitrate)
  while (mantissa > 0x3ffff && exponent < 63) {
    mantissa = Math.floor(mantissa / 2)
    exponent++
  }
  return (exponent << 18) | Math.min(mantissa, 0x3ffff)
}
