import { ByteReader } from '../bytes.ts'

export type Vp9ScalabilityStructure = {
  readonly spatialLayers: number
  /** Pixels for each spatial layer; empty when not told. */
  readonly resolutions: readonly { readonly width: number; readonly height: number }[]
  /** One picture of the group after another; empty when not told. */
  readonly pictureGroup: readonly {
    readonly temporalId: number
    readonly switchingUp: boolean
    readonly referenceDistances: readonly number[]
  }[]
}

export type Vp9Payload = {
  readonly interPicturePredicted: boolean
  readonly flexibleMode: boolean
  readonly startOfFrame: boolean
  readonly endOfFrame: boolean
  /** Nothing of a higher spatial layer refers to this frame. */
  readonly notReferenceForUpperLayers: boolean
  readonly pictureId?: { readonly value: number; readonly bits: 7 | 15 }
  readonly layer?: {
    readonly temporalId: number
    readonly switchingUp: boolean
    readonly spatialId: number
    readonly interLayerPredicted: boolean
  }
  readonly tl0PicIdx?: number
  /** Flexible mode only: distances to the pictures referred to. */
  readonly referenceDistances: readonly number[]
  readonly scalability?: Vp9ScalabilityStructure
  /** True on the first packet of a picture that can be decoded without earlier ones. */
  readonly keyFrame: boolean
  readonly data: Uint8Array
}

/** Reads the VP9 payload descriptor and what follows it (RFC 9628 section 4.2). */
export function parseVp9(payload: Uint8Array): Vp9Payload {
  const reader = new ByteReader('vp9', payload)
  const flags = reader.u8()
  const interPicturePredicted = (flags & 0x40) !== 0
  const flexibleMode = (flags & 0x10) !== 0
  const startOfFrame = (flags & 0x08) !== 0
  let pictureId: Vp9Payload['pictureId']
  if (flags & 0x80) {
    const high = reader.u8()
    pictureId =
      high & 0x80 ? { value: ((high & 0x7f) << 8) | reader.u8(), bits: 15 } : { value: high, bits: 7 }
  }
  let layer: Vp9Payload['layer']
  let tl0PicIdx: number | undefined
  if (flags & 0x20) {
    const value = reader.u8()
    layer = {
      temporalId: value >> 5,
      switchingUp: (value & 0x10) !== 0,
      spatialId: (value >> 1) & 0x07,
      interLayerPredicted: (value & 1) !== 0,
    }
    if (!flexibleMode) tl0PicIdx = reader.u8()
  }
  const referenceDistances: number[] = []
  if (flexibleMode && interPicturePredicted) {
    for (let more = true; more; ) {
      const value = reader.u8()
      referenceDistances.push(value >> 1)
      more = (value & 1) !== 0
      if (more && referenceDistances.length === 3) throw reader.violation('more than three references')
    }
  }
  const scalability = flags & 0x02 ? parseScalability(reader) : undefined
  return {
    interPicturePredicted,
    flexibleMode,
    startOfFrame,
    endOfFrame: (flags & 0x04) !== 0,
    notReferenceForUpperLayers: (flags & 0x01) !== 0,
    ...(pictureId && { pictureId }),
    ...(layer && { layer }),
    ...(tl0PicIdx !== undefined && { tl0PicIdx }),
    referenceDistances,
    ...(scalability && { scalability }),
    keyFrame: !interPicturePredicted && startOfFrame && (layer?.spatialId ?? 0) === 0,
    data: reader.take(),
  }
}

function parseScalability(reader: ByteReader): Vp9ScalabilityStructure {
  const flags = reader.u8()
  const spatialLayers = (flags >> 5) + 1
  const resolutions = []
  if (flags & 0x10) {
    for (let layer = 0; layer < spatialLayers; layer++) {
      resolutions.push({ width: reader.u16(), height: reader.u16() })
    }
  }
  const pictureGroup = []
  if (flags & 0x08) {
    const count = reader.u8()
    for (let picture = 0; picture < count; picture++) {
      const value = reader.u8()
      const references = (value >> 2) & 0x03
      const referenceDistances: number[] = []
      for (let index = 0; index < references; index++) referenceDistances.push(reader.u8())
      pictureGroup.push({ temporalId: value >> 5, switchingUp: (value & 0x10) !== 0, referenceDistances })
    }
  }
  return { spatialLayers, resolutions, pictureGroup }
}
