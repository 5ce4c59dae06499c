import type { CodecName, EgressPayload, IngressPayload } from '@parley/fastpath'
import type { Codec, MediaDescription } from '@parley/protocols/sdp'
import { remembered } from './remembered.ts'

const families: Readonly<Record<'audio' | 'video', readonly CodecName[]>> = {
  audio: ['opus', 'red', 'pcmu', 'pcma', 'g722'],
  video: ['vp8', 'vp9', 'h264', 'av1'],
}

/** What end-to-end encryption is defined for; redundancy repeats what must be read to be repeated. */
const e2eeFamilies: readonly CodecName[] = ['opus', 'vp8', 'vp9']

/** RTCP feedback that the packet path gives to publishers. */
const publishFeedback = new Set(['transport-cc', 'goog-remb', 'ccm fir', 'nack', 'nack pli'])

/** The codec's name as the packet path knows it. */
export function familyOf(codec: Codec): CodecName {
  const name = codec.name.toLowerCase()
  return name === 'av1x' ? 'av1' : (name as CodecName)
}

/**
 * Of an offered section what Parley takes: one of each family, in the order of the offer, with its retransmissions.
 * PCM only where there is no Opus, so that a room does not mix clocks for nothing.
 */
export function acceptedCodecs(
  section: MediaDescription,
  { e2ee = false }: { e2ee?: boolean } = {},
): Codec[] {
  if (section.kind === 'application') return []
  const accepted: Codec[] = []
  for (const codec of section.codecs) {
    const family = familyOf(codec)
    if (!families[section.kind].includes(family) || (e2ee && !e2eeFamilies.includes(family))) continue
    const at = accepted.findIndex((other) => familyOf(other) === family)
    const known = accepted[at]
    if (known === undefined) accepted.push(codec)
    else if (family === 'h264' && h264Rank(codec) > h264Rank(known)) accepted[at] = codec
  }
  const modern = accepted.filter((codec) => ['opus', 'red'].includes(familyOf(codec)))
  const kept =
    section.kind === 'audio' && modern.some((codec) => familyOf(codec) === 'opus') ? modern : accepted
  return kept
    .filter((codec) => familyOf(codec) !== 'red' || modern.length > 1)
    .map((codec) => ({ ...codec, feedback: supportedFeedback(section.kind, codec) }))
}

/** Everybody decodes constrained baseline, and packetization 1 is what everybody sends. */
function h264Rank({ parameters }: Codec): number {
  const mode = parameters['packetization-mode'] === '1' ? 2 : 0
  return mode + (/^42[ec]0/i.test(parameters['profile-level-id'] ?? '') ? 1 : 0)
}

function supportedFeedback(kind: MediaDescription['kind'], codec: Codec): string[] {
  return codec.feedback.filter((feedback) =>
    kind === 'audio' ? feedback === 'transport-cc' : publishFeedback.has(feedback),
  )
}

export function ingressPayloads(codecs: readonly Codec[]): IngressPayload[] {
  return codecs.map((codec) => ({
    payloadType: codec.payloadType,
    codec: familyOf(codec),
    clockRate: codec.clockRate,
    ...(codec.retransmissionPayloadType !== undefined && { rtxPayloadType: codec.retransmissionPayloadType }),
  }))
}

/** Two codecs with one key decode each other's packets. */
export function codecKey(codec: Codec): string {
  const family = familyOf(codec)
  const { parameters } = codec
  if (family === 'vp9') return `vp9/${parameters['profile-id'] ?? '0'}`
  if (family === 'av1') return `av1/${parameters.profile ?? '0'}`
  if (family !== 'h264') return family
  const profile = (parameters['profile-level-id'] ?? '42e01f').slice(0, 2).toLowerCase()
  return `h264/${parameters['packetization-mode'] ?? '0'}/${profile}`
}

/** How a publisher's payload types leave towards a subscriber that takes `taken`. Empty: nothing in common. */
export const egressPayloads = remembered(payloadsBetween)

function payloadsBetween(published: readonly Codec[], taken: readonly Codec[]): readonly EgressPayload[] {
  const opus = taken.find((codec) => familyOf(codec) === 'opus')
  return published.flatMap((codec): EgressPayload[] => {
    const match = taken.find((other) => codecKey(other) === codecKey(codec))
    const from = codec.payloadType
    if (match === undefined) {
      if (familyOf(codec) !== 'red' || opus === undefined) return []
      return [{ from, payloadType: opus.payloadType, stripRed: true }]
    }
    return [
      {
        from,
        payloadType: match.payloadType,
        ...(match.retransmissionPayloadType !== undefined && {
          rtxPayloadType: match.retransmissionPayloadType,
        }),
      },
    ]
  })
}

/** Of a player's offer what it takes of a publication: exact matches before the usual choice of each family. */
export const playableCodecs = remembered(
  (section: MediaDescription, published: readonly Codec[]): readonly Codec[] => {
    const keys = published.map(codecKey)
    const exact = acceptedCodecs({
      ...section,
      codecs: section.codecs.filter((codec) => keys.includes(codecKey(codec))),
    })
    const others = acceptedCodecs(section).filter(
      (codec) => !exact.some(({ name }) => name.toLowerCase() === codec.name.toLowerCase()),
    )
    return [...exact, ...others]
  },
)
