import { ByteReader, ByteWriter } from '../bytes.ts'

export type Vp8Descriptor = {
  readonly nonReference: boolean
  readonly startOfPartition: boolean
  /** Three bits. */
  readonly partitionId: number
  readonly pictureId?: { readonly value: number; readonly bits: 7 | 15 }
  readonly tl0PicIdx?: number
  readonly temporal?: { readonly id: number; readonly layerSync: boolean }
  /** Five bits. */
  readonly keyIndex?: number
}

export type Vp8Payload = {
  readonly descriptor: Vp8Descriptor
  /** The first packet of a frame. */
  readonly startOfFrame: boolean
  /** Set on the first packet of a key frame only: that is where it shows. */
  readonly keyFrame: boolean
  /** Pixels, on the first packet of a key frame. */
  readonly dimensions?: { readonly width: number; readonly height: number }
  readonly data: Uint8Array
}

/** Reads the payload descriptor and what follows it (RFC 7741 sections 4.2 and 4.3). */
export function parseVp8(payload: Uint8Array): Vp8Payload {
  const reader = new ByteReader('vp8', payload)
  const first = reader.u8()
  const extension = first & 0x80 ? reader.u8() : 0
  let pictureId: Vp8Descriptor['pictureId']
  if (extension & 0x80) {
    const high = reader.u8()
    pictureId =
      high & 0x80 ? { value: ((high & 0x7f) << 8) | reader.u8(), bits: 15 } : { value: high, bits: 7 }
  }
  const tl0PicIdx = extension & 0x40 ? reader.u8() : undefined
  const layers = extension & 0x30 ? reader.u8() : 0
  const descriptor: Vp8Descriptor = {
    nonReference: (first & 0x20) !== 0,
    startOfPartition: (first & 0x10) !== 0,
    partitionId: first & 0x07,
    ...(pictureId && { pictureId }),
    ...(tl0PicIdx !== undefined && { tl0PicIdx }),
    ...(extension & 0x20 && { temporal: { id: layers >> 6, layerSync: (layers & 0x20) !== 0 } }),
    ...(extension & 0x10 && { keyIndex: layers & 0x1f }),
  }
  const startOfFrame = descriptor.startOfPartition && descriptor.partitionId === 0
  const data = reader.take()
  const keyFrame = startOfFrame && data.length > 0 && ((data[0] ?? 1) & 1) === 0
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  // RFC 6386 section 9.1: a three-byte frame tag, the start code 9d 01 2a, then two little-endian 14-bit sizes.
  const hasDimensions = keyFrame && data.length >= 10 && view.getUint16(3) === 0x9d01 && data[5] === 0x2a
  return {
    descriptor,
    startOfFrame,
    keyFrame,
    ...(hasDimensions && {
      dimensions: { width: view.getUint16(6, true) & 0x3fff, height: view.getUint16(8, true) & 0x3fff },
    }),
    data,
  }
}

/** Writes a payload descriptor; the frame data follows it. */
export function serializeVp8Descriptor(descriptor: Vp8Descriptor): Uint8Array {
  const { pictureId, tl0PicIdx, temporal, keyIndex } = descriptor
  const extension =
    (pictureId ? 0x80 : 0) |
    (tl0PicIdx === undefined ? 0 : 0x40) |
    (temporal ? 0x20 : 0) |
    (keyIndex === undefined ? 0 : 0x10)
  const writer = new ByteWriter(6)
  writer.u8(
    (extension ? 0x80 : 0) |
      (descriptor.nonReference ? 0x20 : 0) |
      (descriptor.startOfPartition ? 0x10 : 0) |
      descriptor.partitionId,
  )
  if (extension) writer.u8(extension)
  if (pictureId?.bits === 15) writer.u16(0x8000 | pictureId.value)
  if (pictureId?.bits === 7) writer.u8(pictureId.value & 0x7f)
  if (tl0PicIdx !== undefined) writer.u8(tl0PicIdx)
  if (temporal || keyIndex !== undefined) {
    writer.u8(((temporal?.id ?? 0) << 6) | (temporal?.layerSync ? 0x20 : 0) | (keyIndex ?? 0))
  }
  return writer.finish()
}
