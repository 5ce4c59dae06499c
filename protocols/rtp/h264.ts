import { ByteReader } from '../bytes.ts'

const SLICE_IDR = 5
const SEQUENCE_PARAMETER_SET = 7
const STAP_A = 24
const FU_A = 28

export type H264Payload = {
  readonly packetization: 'single' | 'aggregate' | 'fragment'
  /** Types of the NAL units that start in this packet, or (a later fragment) of the one that goes on. */
  readonly nalTypes: readonly number[]
  /** For a fragment: whether it is the first, the last. A whole unit is both. */
  readonly start: boolean
  readonly end: boolean
  /** An IDR slice or a sequence parameter set starts here: a decoder may start here. */
  readonly keyFrame: boolean
}

/** Looks into an H.264 payload (RFC 6184: single NAL unit, STAP-A, FU-A); other packetizations are refused. */
export function parseH264(payload: Uint8Array): H264Payload {
  const reader = new ByteReader('h264', payload)
  const type = reader.u8() & 0x1f
  if (type >= 1 && type <= 23) return whole('single', [type])
  if (type === STAP_A) {
    const nalTypes: number[] = []
    while (reader.remaining > 0) {
      const unit = reader.take(reader.u16())
      if (unit.length === 0) throw reader.violation('empty aggregated unit')
      nalTypes.push((unit[0] ?? 0) & 0x1f)
    }
    if (nalTypes.length === 0) throw reader.violation('aggregate without units')
    return whole('aggregate', nalTypes)
  }
  if (type === FU_A) {
    const header = reader.u8()
    const start = (header & 0x80) !== 0
    const nalType = header & 0x1f
    return {
      packetization: 'fragment',
      nalTypes: [nalType],
      start,
      end: (header & 0x40) !== 0,
      keyFrame: start && isKey(nalType),
    }
  }
  throw reader.violation(`NAL unit type ${type}`)
}

function whole(packetization: 'single' | 'aggregate', nalTypes: number[]): H264Payload {
  return { packetization, nalTypes, start: true, end: true, keyFrame: nalTypes.some(isKey) }
}

function isKey(nalType: number): boolean {
  return nalType === SLICE_IDR || nalType === SEQUENCE_PARAMETER_SET
}
