import sdpTransform, { type RawCandidate, type RawMedia } from 'sdp-transform'
import { ProtocolViolation } from '../violation.ts'
import type { Candidate } from './candidate.ts'
import type { Codec, MediaDescription, SessionDescription, TransportDescription } from './model.ts'

/**
 * Writes an offer or answer. Every section carries the transport; candidates stand in the first that is not
 * rejected. Throws ProtocolViolation for text that would break out of its line.
 */
export function serializeSdp(description: SessionDescription): string {
  if (stringsWithin(description).some((value) => /[\r\n\0]/.test(value))) {
    throw new ProtocolViolation('sdp', 'a value with a line break')
  }
  const carrier = description.media.find(({ rejected }) => !rejected)
  return sdpTransform.write({
    version: 0,
    origin: {
      username: '-',
      sessionId: description.sessionId,
      sessionVersion: description.sessionVersion,
      netType: 'IN',
      ipVer: 4,
      address: '127.0.0.1',
    },
    name: '-',
    timing: { start: 0, stop: 0 },
    ...(description.iceLite && { icelite: 'ice-lite' }),
    ...(description.bundle.length > 0 && {
      groups: [{ type: 'BUNDLE', mids: description.bundle.join(' ') }],
    }),
    extmapAllowMixed: 'extmap-allow-mixed',
    msidSemantic: { semantic: 'WMS', token: '*' },
    media: description.media.map((media) => writeMedia(media, description.transport, media === carrier)),
  })
}

function stringsWithin(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, part]) => [key, ...stringsWithin(part)])
}

function writeMedia(media: MediaDescription, transport: TransportDescription, carrier: boolean): RawMedia {
  const raw: RawMedia = {
    type: media.kind,
    port: media.rejected ? 0 : 9,
    protocol: media.protocol,
    payloads: writePayloads(media),
    connection: { version: 4, ip: '0.0.0.0' },
    rtp: [],
    fmtp: [],
    mid: media.mid,
    direction: media.direction,
    iceUfrag: transport.iceUfrag,
    icePwd: transport.icePwd,
    fingerprint: { type: transport.fingerprint.algorithm, hash: transport.fingerprint.value },
    setup: transport.setup,
  }
  if (media.bandwidthKbps !== undefined) raw.bandwidth = [{ type: 'AS', limit: media.bandwidthKbps }]
  if (media.sctp) {
    raw.sctpPort = media.sctp.port
    if (media.sctp.maxMessageSize !== undefined) raw.maxMessageSize = media.sctp.maxMessageSize
  }
  if (carrier) {
    if (transport.candidates.length > 0) raw.candidates = transport.candidates.map(writeCandidate)
    if (transport.endOfCandidates) raw.endOfCandidates = 'end-of-candidates'
  }
  if (media.kind === 'application') return raw
  raw.rtcpMux = 'rtcp-mux'
  raw.rtcpRsize = 'rtcp-rsize'
  raw.rtcpFb = []
  for (const codec of media.codecs) writeCodec(raw, codec)
  raw.ext = media.headerExtensions.map(({ id, uri, direction }) => ({
    value: id,
    uri,
    ...(direction && { direction }),
  }))
  if (media.msid) raw.msid = [{ id: media.msid.stream, appdata: media.msid.track ?? media.mid }]
  if (media.rids.length > 0) {
    raw.rids = media.rids.map(({ id, direction, restrictions }) => {
      const params = writeParameters(restrictions)
      return { id, direction, ...(params !== '' && { params }) }
    })
  }
  if (media.simulcast) raw.simulcast = writeSimulcast(media.simulcast)
  raw.ssrcs = media.sources.map(({ ssrc, cname }) => ({ id: ssrc, attribute: 'cname', value: cname ?? '-' }))
  raw.ssrcGroups = media.sourceGroups.map(({ semantics, ssrcs }) => ({ semantics, ssrcs: ssrcs.join(' ') }))
  return raw
}

function writePayloads(media: MediaDescription): string {
  if (media.kind === 'application') return 'webrtc-datachannel'
  const payloadTypes = media.codecs.flatMap(({ payloadType, retransmissionPayloadType }) => {
    return retransmissionPayloadType === undefined ? [payloadType] : [payloadType, retransmissionPayloadType]
  })
  // RFC 8866: a section must name a format, also one that is rejected for having none in common.
  return payloadTypes.length > 0 ? payloadTypes.join(' ') : '0'
}

function writeCodec(raw: RawMedia, codec: Codec): void {
  const { payloadType, clockRate, retransmissionPayloadType } = codec
  raw.rtp.push({
    payload: payloadType,
    codec: codec.name,
    rate: clockRate,
    ...(codec.channels !== undefined && { encoding: codec.channels }),
  })
  const parameters = writeParameters(codec.parameters)
  if (parameters !== '') raw.fmtp.push({ payload: payloadType, config: parameters })
  for (const feedback of codec.feedback) {
    const [type = '', ...subtype] = feedback.split(' ')
    raw.rtcpFb?.push({
      payload: payloadType,
      type,
      ...(subtype.length > 0 && { subtype: subtype.join(' ') }),
    })
  }
  if (retransmissionPayloadType !== undefined) {
    raw.rtp.push({ payload: retransmissionPayloadType, codec: 'rtx', rate: clockRate })
    raw.fmtp.push({ payload: retransmissionPayloadType, config: `apt=${payloadType}` })
  }
}

function writeParameters(parameters: Readonly<Record<string, string>>): string {
  return Object.entries(parameters)
    .map(([name, value]) => (value === '' ? name : `${name}=${value}`))
    .join(';')
}

function writeSimulcast(
  simulcast: NonNullable<MediaDescription['simulcast']>,
): NonNullable<RawMedia['simulcast']> {
  const [first, second] = (['send', 'recv'] as const).filter((direction) => simulcast[direction].length > 0)
  return {
    ...(first && { dir1: first, list1: simulcast[first].join(';') }),
    ...(second && { dir2: second, list2: simulcast[second].join(';') }),
  }
}

function writeCandidate(candidate: Candidate): RawCandidate {
  const { foundation, component, transport, priority, address, port, type } = candidate
  return {
    foundation,
    component,
    transport,
    priority,
    ip: address,
    port,
    type,
    ...(candidate.relatedAddress !== undefined && { raddr: candidate.relatedAddress }),
    ...(candidate.relatedPort !== undefined && { rport: candidate.relatedPort }),
    ...(candidate.tcpType !== undefined && { tcptype: candidate.tcpType }),
  }
}
