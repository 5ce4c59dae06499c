import { ProtocolViolation } from '../violation.ts'
import { serializeCandidate } from './candidate.ts'
import type { Codec, MediaDescription, SessionDescription, TransportDescription } from './model.ts'

/**
 * Writes an offer or answer. Every section carries the transport; candidates stand in the first that is not
 * rejected. Throws ProtocolViolation for text that would break out of its line.
 */
export function serializeSdp(description: SessionDescription): string {
  const { sessionId, sessionVersion, iceLite, bundle, transport, media } = description
  const carrier = media.find(({ rejected }) => !rejected)
  const lines = ['v=0', `o=- ${sessionId} ${sessionVersion} IN IP4 127.0.0.1`, 's=-', 't=0 0']
  lines.push('a=extmap-allow-mixed')
  if (iceLite) lines.push('a=ice-lite')
  lines.push('a=msid-semantic: WMS *')
  if (bundle.length > 0) lines.push(`a=group:BUNDLE ${bundle.join(' ')}`)
  for (const section of media) writeMedia(lines, section, transport, section === carrier)
  if (lines.some((line) => /[\r\n\0]/.test(line))) {
    throw new ProtocolViolation('sdp', 'a value with a line break')
  }
  return `${lines.join('\r\n')}\r\n`
}

function writeMedia(
  lines: string[],
  media: MediaDescription,
  transport: TransportDescription,
  carrier: boolean,
): void {
  const { kind, rejected, protocol, bandwidthKbps, mid, msid, sctp } = media
  const carriesMedia = kind !== 'application'
  lines.push(`m=${kind} ${rejected ? 0 : 9} ${protocol} ${writePayloads(media)}`, 'c=IN IP4 0.0.0.0')
  if (bandwidthKbps !== undefined) lines.push(`b=AS:${bandwidthKbps}`)
  if (carriesMedia) {
    writeCodecs(lines, media.codecs)
    for (const { id, uri, direction } of media.headerExtensions) {
      lines.push(`a=extmap:${id}${direction ? `/${direction}` : ''} ${uri}`)
    }
  }
  lines.push(`a=setup:${transport.setup}`, `a=mid:${mid}`)
  if (carriesMedia && msid) lines.push(`a=msid:${msid.stream} ${msid.track ?? mid}`)
  lines.push(
    `a=${media.direction}`,
    `a=ice-ufrag:${transport.iceUfrag}`,
    `a=ice-pwd:${transport.icePwd}`,
    `a=fingerprint:${transport.fingerprint.algorithm} ${transport.fingerprint.value}`,
  )
  if (carrier) {
    for (const candidate of transport.candidates) lines.push(`a=${serializeCandidate(candidate)}`)
    if (transport.endOfCandidates) lines.push('a=end-of-candidates')
  }
  if (carriesMedia) writeStreams(lines, media)
  if (sctp) {
    lines.push(`a=sctp-port:${sctp.port}`)
    if (sctp.maxMessageSize !== undefined) lines.push(`a=max-message-size:${sctp.maxMessageSize}`)
  }
}

function writePayloads(media: MediaDescription): string {
  if (media.kind === 'application') return 'webrtc-datachannel'
  const payloadTypes = media.codecs.flatMap(({ payloadType, retransmissionPayloadType }) => {
    return retransmissionPayloadType === undefined ? [payloadType] : [payloadType, retransmissionPayloadType]
  })
  // RFC 8866: a section must name a format, also one that is rejected for having none in common.
  return payloadTypes.length > 0 ? payloadTypes.join(' ') : '0'
}

/** All mappings, then all parameters, then all feedback. */
function writeCodecs(lines: string[], codecs: readonly Codec[]): void {
  for (const { payloadType, name, clockRate, channels, retransmissionPayloadType } of codecs) {
    // A peer that names no rate is answered without one.
    const rate = clockRate || channels ? `/${clockRate}` : ''
    lines.push(`a=rtpmap:${payloadType} ${name}${rate}${channels ? `/${channels}` : ''}`)
    if (retransmissionPayloadType !== undefined) {
      lines.push(`a=rtpmap:${retransmissionPayloadType} rtx${clockRate ? `/${clockRate}` : ''}`)
    }
  }
  for (const { payloadType, parameters, retransmissionPayloadType } of codecs) {
    const written = writeParameters(parameters)
    if (written !== '') lines.push(`a=fmtp:${payloadType} ${written}`)
    if (retransmissionPayloadType !== undefined) {
      lines.push(`a=fmtp:${retransmissionPayloadType} apt=${payloadType}`)
    }
  }
  for (const { payloadType, feedback } of codecs) {
    for (const kind of feedback) lines.push(`a=rtcp-fb:${payloadType} ${kind}`)
  }
}

function writeStreams(lines: string[], { sources, sourceGroups, rids, simulcast }: MediaDescription): void {
  for (const { ssrc, cname } of sources) lines.push(`a=ssrc:${ssrc} cname:${cname ?? '-'}`)
  for (const { semantics, ssrcs } of sourceGroups) {
    lines.push(`a=ssrc-group:${semantics} ${ssrcs.join(' ')}`)
  }
  lines.push('a=rtcp-mux', 'a=rtcp-rsize')
  for (const { id, direction, restrictions } of rids) {
    const written = writeParameters(restrictions)
    lines.push(`a=rid:${id} ${direction}${written === '' ? '' : ` ${written}`}`)
  }
  const lists = (['send', 'recv'] as const).flatMap((direction) => {
    const list = simulcast?.[direction] ?? []
    return list.length > 0 ? [`${direction} ${list.join(';')}`] : []
  })
  if (lists.length > 0) lines.push(`a=simulcast:${lists.join(' ')}`)
}

function writeParameters(parameters: Readonly<Record<string, string>>): string {
  return Object.entries(parameters)
    .map(([name, value]) => (value === '' ? name : `${name}=${value}`))
    .join(';')
}
