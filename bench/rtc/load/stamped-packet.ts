import { serializeVp8Descriptor } from '@parley/protocols/rtp'

/**
 * Where the stamp stands in every payload: behind the VP8 descriptor and the header of a key frame. It holds a mark,
 * the moment of sending on the monotonic clock that all processes of a machine share, and the packet's place in its frame.
 */
const stampAt = 20
const mark = 0x52545342
const stampLength = 15

export const videoPayloadBytes = 1_100
/** Opus at 48 kbps. */
export const audioPayloadBytes = 120

export interface Stamp {
  sentNs: bigint
  keyFrame: boolean
  index: number
  count: number
}

export interface FramePlace {
  keyFrame: boolean
  index: number
  count: number
}

/** A packet's worth of a VP8 frame, stamped later. */
export function videoPayload(place: FramePlace, pictureId: number): Buffer {
  const payload = Buffer.alloc(videoPayloadBytes, 0x55)
  const descriptor = serializeVp8Descriptor({
    nonReference: false,
    startOfPartition: place.index === 0,
    partitionId: 0,
    pictureId: { value: pictureId & 0x7fff, bits: 15 },
    tl0PicIdx: pictureId & 0xff,
    temporal: { id: 0, layerSync: false },
  })
  payload.set(descriptor)
  if (place.index === 0) {
    // RFC 6386 section 9.1: bit 0 clear on a key frame, show_frame in bit 4.
    payload[descriptor.length] = (place.keyFrame ? 0 : 1) | 0x10
    if (place.keyFrame) {
      payload.set([0x9d, 0x01, 0x2a], descriptor.length + 3)
      payload.writeUInt16LE(1280, descriptor.length + 6)
      payload.writeUInt16LE(720, descriptor.length + 8)
    }
  }
  return payload
}

export function audioPayload(): Buffer {
  const payload = Buffer.alloc(audioPayloadBytes, 0x55)
  payload[0] = 0xf8
  return payload
}

export function writeStamp(payload: Buffer, { keyFrame, index, count }: FramePlace): void {
  payload.writeUInt32BE(mark, stampAt)
  payload.writeUInt8(keyFrame ? 1 : 0, stampAt + 12)
  payload.writeUInt8(index, stampAt + 13)
  payload.writeUInt8(count, stampAt + 14)
  payload.writeBigUInt64BE(process.hrtime.bigint(), stampAt + 4)
}

/** The stamp of a plain RTP packet; undefined for probing, retransmission and other packets without. */
export function readStamp(packet: Buffer): Stamp | undefined {
  const first = packet[0] ?? 0
  let at = 12 + (first & 15) * 4
  if (first & 0x10) at += 4 + packet.readUInt16BE(at + 2) * 4
  at += stampAt
  if (packet.length < at + stampLength || packet.readUInt32BE(at) !== mark) return undefined
  return {
    sentNs: packet.readBigUInt64BE(at + 4),
    keyFrame: packet.readUInt8(at + 12) === 1,
    index: packet.readUInt8(at + 13),
    count: packet.readUInt8(at + 14),
  }
}
