import {
  absoluteSendTime,
  audioLevel,
  mid,
  playoutDelay,
  repairedRtpStreamId,
  rtpStreamId,
  transportSequence,
} from '@parley/protocols/rtp'
import type {
  Codec,
  Direction,
  HeaderExtensionMapping,
  MediaDescription,
  MediaKind,
} from '@parley/protocols/sdp'

const RTP_PROTOCOL = 'UDP/TLS/RTP/SAVPF'

const AUDIO_CODECS: readonly Codec[] = [
  {
    payloadType: 111,
    name: 'opus',
    clockRate: 48_000,
    channels: 2,
    parameters: { minptime: '10', useinbandfec: '1' },
    feedback: ['transport-cc', 'nack'],
  },
  {
    payloadType: 63,
    name: 'red',
    clockRate: 48_000,
    channels: 2,
    parameters: { '111/111': '' },
    feedback: [],
  },
]

const VIDEO_CODECS: readonly Codec[] = [
  {
    payloadType: 96,
    name: 'VP8',
    clockRate: 90_000,
    parameters: {},
    feedback: ['goog-remb', 'transport-cc', 'ccm fir', 'nack', 'nack pli'],
    retransmissionPayloadType: 97,
  },
]

const EXTENSIONS: readonly (HeaderExtensionMapping & { readonly kinds: readonly MediaKind[] })[] = [
  { id: 1, uri: audioLevel.uri, kinds: ['audio'] },
  { id: 2, uri: absoluteSendTime.uri, kinds: ['audio', 'video'] },
  { id: 3, uri: transportSequence.uri, kinds: ['audio', 'video'] },
  { id: 4, uri: mid.uri, kinds: ['audio', 'video'] },
  { id: 5, uri: rtpStreamId.uri, kinds: ['video'] },
  { id: 6, uri: repairedRtpStreamId.uri, kinds: ['video'] },
  { id: 7, uri: playoutDelay.uri, kinds: ['video'] },
]

/** One encoding that is sent on a section: its SSRCs and, with simulcast, its rid. */
export type Encoding = { readonly ssrc: number; readonly retransmissionSsrc?: number; readonly rid?: string }

const MSID_STREAM = 'parley-synthetic'

/** A section of our own offer. */
export function offerSection(options: {
  readonly mid: string
  readonly kind: 'audio' | 'video'
  readonly direction: Direction
  readonly encodings: readonly Encoding[]
  readonly cname: string
}): MediaDescription {
  const { kind, direction, encodings, cname } = options
  return {
    mid: options.mid,
    kind,
    direction,
    rejected: false,
    protocol: RTP_PROTOCOL,
    codecs: kind === 'audio' ? AUDIO_CODECS : VIDEO_CODECS,
    headerExtensions: EXTENSIONS.filter(({ kinds }) => kinds.includes(kind)).map(({ id, uri }) => ({
      id,
      uri,
    })),
    ...describeEncodings(encodings, cname),
    ...(encodings.length > 0 && { msid: { stream: MSID_STREAM, track: `${kind}-${options.mid}` } }),
  }
}

/** Our answer to a section: codecs and extensions both know, under the offerer's numbers. */
export function answerSection(
  offered: MediaDescription,
  encodings: readonly Encoding[],
  cname: string,
): MediaDescription {
  const codecs = commonCodecs(offered)
  const known = new Set(EXTENSIONS.map(({ uri }) => uri))
  const sends = encodings.length > 0 && (offered.direction === 'sendrecv' || offered.direction === 'recvonly')
  const receives = offered.direction === 'sendrecv' || offered.direction === 'sendonly'
  const simulcast = offered.simulcast?.send.length ? { send: [], recv: offered.simulcast.send } : undefined
  const described = describeEncodings(sends ? encodings : [], cname)
  return {
    mid: offered.mid,
    kind: offered.kind,
    direction: sends ? (receives ? 'sendrecv' : 'sendonly') : receives ? 'recvonly' : 'inactive',
    rejected: offered.rejected || (offered.kind !== 'application' && codecs.length === 0),
    protocol: offered.protocol,
    codecs,
    headerExtensions: offered.headerExtensions.filter(({ uri }) => known.has(uri)),
    ...described,
    ...(offered.sctp && { sctp: { port: 5_000, maxMessageSize: 262_144 } }),
    rids: simulcast
      ? simulcast.recv.map((id) => ({ id, direction: 'recv', restrictions: {} }))
      : described.rids,
    ...(simulcast && { simulcast }),
    ...(sends && { msid: { stream: MSID_STREAM, track: `${offered.kind}-${offered.mid}` } }),
  }
}

/** Opus and RED, or VP8; where they are not offered, whatever comes first: it is received and counted all the same. */
function commonCodecs(offered: MediaDescription): readonly Codec[] {
  const wanted = offered.kind === 'audio' ? ['opus', 'red'] : ['vp8']
  const common = offered.codecs.filter(({ name }) => wanted.includes(name.toLowerCase()))
  return common.length > 0 ? common : offered.codecs.slice(0, 1)
}

function describeEncodings(
  encodings: readonly Encoding[],
  cname: string,
): Pick<MediaDescription, 'rids' | 'sources' | 'sourceGroups' | 'simulcast'> {
  const rids = encodings.flatMap(({ rid }) => (rid === undefined ? [] : [rid]))
  // Browsers name no SSRC of simulcast streams: the receiver learns them from the rid.
  if (rids.length > 0) {
    return {
      rids: rids.map((id) => ({ id, direction: 'send', restrictions: {} })),
      simulcast: { send: rids, recv: [] },
      sources: [],
      sourceGroups: [],
    }
  }
  const ssrcs = encodings.map(({ ssrc, retransmissionSsrc }) => {
    return retransmissionSsrc === undefined ? [ssrc] : [ssrc, retransmissionSsrc]
  })
  return {
    rids: [],
    sources: ssrcs.flat().map((ssrc) => ({ ssrc, cname })),
    sourceGroups: ssrcs
      .filter((group) => group.length > 1)
      .map((group) => ({ semantics: 'FID', ssrcs: group })),
  }
}

/** The local id of a header extension in a section, if it was agreed on. */
export function extensionId(section: MediaDescription, uri: string): number | undefined {
  return section.headerExtensions.find((extension) => extension.uri === uri)?.id
}
