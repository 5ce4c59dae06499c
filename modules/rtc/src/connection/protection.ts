import type { Codec } from '@parley/protocols/sdp'
import { familyOf } from './codecs.ts'

/** Payload types under which a subscriber takes ULPFEC (RFC 5109) and, around it and its media, RED (RFC 2198). */
export interface Protection {
  readonly redPayloadType: number
  readonly fecPayloadType: number
}

const clockRate = 90_000
const numbers: Protection = { redPayloadType: 116, fecPayloadType: 117 }

/** Payload types that no codec is offered under. */
export const protectionNumbers: readonly number[] = Object.values(numbers)

/** What is offered beside codecs that can be protected; nothing beside others. */
export function offeredProtection(codecs: readonly Codec[]): Codec[] {
  if (!codecs.some((codec) => ['vp8', 'vp9'].includes(familyOf(codec)))) return []
  const codec = { clockRate, parameters: {}, feedback: [] }
  return [
    { ...codec, name: 'red', payloadType: numbers.redPayloadType },
    { ...codec, name: 'ulpfec', payloadType: numbers.fecPayloadType },
  ]
}

/** Of the codecs of a picture those that carry protection, as they are taken up by an answer; both or none. */
export function acceptedProtection(codecs: readonly Codec[]): Codec[] {
  const chosen = ['red', 'ulpfec'].flatMap(
    (name) =>
      codecs.find((codec) => codec.name.toLowerCase() === name && codec.clockRate === clockRate) ?? [],
  )
  return chosen.length === 2 ? chosen.map(({ retransmissionPayloadType: _, ...codec }) => codec) : []
}

/** What a description agrees to. Undefined: no protection. */
export function protectionOf(codecs: readonly Codec[]): Protection | undefined {
  const [red, fec] = acceptedProtection(codecs)
  return red && fec && { redPayloadType: red.payloadType, fecPayloadType: fec.payloadType }
}
