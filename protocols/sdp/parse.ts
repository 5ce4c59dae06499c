import sdpTransform, { type RawMedia, type RawSession } from 'sdp-transform'
import { ProtocolViolation } from '../violation.ts'
import { type Candidate, parseCandidate } from './candidate.ts'
import type {
  Codec,
  Direction,
  Fingerprint,
  MediaDescription,
  MediaKind,
  RestrictedStream,
  SessionDescription,
  Source,
  TransportDescription,
} from './model.ts'

/** The longest description read, in UTF-16 units; a browser with a hundred sections sends about half. */
export const MAX_SDP_LENGTH = 1_000_000
/** Bounds the work of sdp-transform, which tries its patterns on every line. */
const MAX_LINES = 20_000
const MAX_LINE_LENGTH = 8_192

/**
 * What was read of sections that many peers send alike, by their text: thousands who only receive differ in nothing but
 * their transports. Frozen, as those who ask share it.
 */
const knownSections = new Map<string, MediaDescription>()
const maxKnownSections = 512
const maxKnownLength = 8_192

/**
 * Reads an offer or answer of a WebRTC peer. Lines it does not know are skipped; a description without a transport,
 * a section without a mid or with two meanings for one payload type are ProtocolViolations.
 */
export function parseSdp(text: string): SessionDescription {
  const lines = checkLines(text)
  const { session, sections } = splitSections(lines)
  const raw = parseRaw(session)
  if (!raw.origin) throw new ProtocolViolation('sdp', 'no origin line')
  const media = sections.map(({ content }) => readSection(content))
  const mids = new Set(media.map(({ mid }) => mid))
  if (mids.size !== media.length) throw new ProtocolViolation('sdp', 'two sections with one mid')
  const group = raw.groups?.find(({ type }) => type === 'BUNDLE')
  const bundle = group?.mids === undefined ? [] : String(group.mids).split(' ').filter(Boolean)
  for (const mid of bundle) {
    if (!mids.has(mid)) throw new ProtocolViolation('sdp', `bundle names the unknown mid ${mid.slice(0, 32)}`)
  }
  const index = Math.max(
    0,
    media.findIndex(({ rejected }) => !rejected),
  )
  const transport = sections[index] && parseRaw(['m=', ...sections[index].transport]).media[0]
  return {
    sessionId: String(raw.origin.sessionId),
    sessionVersion: Number(raw.origin.sessionVersion) || 0,
    iceLite: raw.icelite !== undefined,
    bundle,
    transport: parseTransport(raw, transport, candidateLines(lines)),
    media,
  }
}

/** Checks what sdp-transform would silently skip. */
function checkLines(text: string): string[] {
  if (text.length > MAX_SDP_LENGTH)
    throw new ProtocolViolation('sdp', `description of ${text.length} characters`)
  const lines = text.split(/\r\n|\r|\n/)
  if (lines.length > MAX_LINES) throw new ProtocolViolation('sdp', `description of ${lines.length} lines`)
  if (lines[0] !== 'v=0') throw new ProtocolViolation('sdp', 'does not start with v=0', { offset: 0 })
  for (const [offset, line] of lines.entries()) {
    if (line.length > MAX_LINE_LENGTH) throw new ProtocolViolation('sdp', 'line too long', { offset })
    if (line !== '' && !/^[a-z]=/.test(line))
      throw new ProtocolViolation('sdp', 'not a description line', { offset })
  }
  return lines
}

/** sdp-transform reads them too loosely. */
function candidateLines(lines: readonly string[]): string[] {
  return [...new Set(lines.filter((line) => line.startsWith('a=candidate:')))]
}

/** What a section says about its transport, and what it says about media, which does not change from peer to peer. */
type SectionLines = { readonly transport: string[]; readonly content: string[] }

function splitSections(lines: readonly string[]): { session: string[]; sections: SectionLines[] } {
  const session: string[] = []
  const sections: SectionLines[] = []
  for (const line of lines) {
    if (line.startsWith('m=')) sections.push({ transport: [], content: [] })
    const section = sections.at(-1)
    if (section === undefined) session.push(line)
    else if (ofTransport.test(line)) section.transport.push(line)
    else section.content.push(line)
  }
  return { session, sections }
}

const ofTransport = /^a=(?:ice-ufrag:|ice-pwd:|fingerprint:|setup:|candidate:|end-of-candidates)/
/** Lines that no two peers have in common. */
const ofOnePeer = /\na=(?:ssrc|msid)[:-]/

function readSection(content: readonly string[]): MediaDescription {
  const text = content.join('\n')
  const known = knownSections.get(text)
  if (known !== undefined) return known
  const [raw] = parseRaw(content).media
  if (raw === undefined) throw new ProtocolViolation('sdp', 'unreadable section')
  const media = parseMedia(raw)
  if (text.length > maxKnownLength || ofOnePeer.test(text)) return media
  if (knownSections.size >= maxKnownSections) knownSections.clear()
  knownSections.set(text, deepFreeze(media))
  return media
}

function parseRaw(lines: readonly string[]): RawSession {
  try {
    return sdpTransform.parse(lines.join('\n'))
  } catch (cause) {
    throw new ProtocolViolation('sdp', 'unreadable description', { cause })
  }
}

function deepFreeze<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(deepFreeze)
  return value
}

function parseTransport(
  raw: RawSession,
  media: RawMedia | undefined,
  candidates: readonly string[],
): TransportDescription {
  const iceUfrag = String(media?.iceUfrag ?? raw.iceUfrag ?? '')
  const icePwd = String(media?.icePwd ?? raw.icePwd ?? '')
  if (!/^[\w+/-]{4,256}$/.test(iceUfrag)) throw new ProtocolViolation('sdp', 'no usable ice-ufrag')
  if (!/^[\w+/-]{22,256}$/.test(icePwd)) throw new ProtocolViolation('sdp', 'no usable ice-pwd')
  const setup = String(media?.setup ?? raw.setup ?? 'actpass')
  if (setup !== 'active' && setup !== 'passive' && setup !== 'actpass') {
    throw new ProtocolViolation('sdp', `setup ${setup.slice(0, 32)}`)
  }
  return {
    iceUfrag,
    icePwd,
    fingerprint: parseFingerprint(media?.fingerprint ?? raw.fingerprint),
    setup,
    candidates: candidates.flatMap(readCandidate),
    endOfCandidates: media?.endOfCandidates !== undefined,
  }
}

const HASH_LENGTH: Readonly<Record<string, number>> = {
  'sha-224': 28,
  'sha-256': 32,
  'sha-384': 48,
  'sha-512': 64,
}

function parseFingerprint(raw: { type?: string | number; hash?: string | number } | undefined): Fingerprint {
  const algorithm = String(raw?.type ?? '').toLowerCase()
  const value = String(raw?.hash ?? '').toUpperCase()
  const length = Object.hasOwn(HASH_LENGTH, algorithm) ? HASH_LENGTH[algorithm] : undefined
  if (length === undefined) throw new ProtocolViolation('sdp', 'no fingerprint with a usable hash')
  if (!/^[0-9A-F]{2}(:[0-9A-F]{2})*$/.test(value) || value.length !== length * 3 - 1) {
    throw new ProtocolViolation('sdp', `fingerprint is not a ${algorithm} hash`)
  }
  return { algorithm, value }
}

/** RFC 8839 section 5.1: a candidate that cannot be read is left out, the others count. */
function readCandidate(line: string): Candidate[] {
  try {
    return [parseCandidate(line)]
  } catch {
    return []
  }
}

function parseMedia(raw: RawMedia): MediaDescription {
  const kind = raw.type
  if (kind !== 'audio' && kind !== 'video' && kind !== 'application') {
    throw new ProtocolViolation('sdp', `section of kind ${String(kind).slice(0, 32)}`)
  }
  if (raw.mid === undefined) throw new ProtocolViolation('sdp', `${kind} section without a mid`)
  const msid = parseMsid(raw)
  const bandwidth = Number(raw.bandwidth?.find(({ type }) => type === 'AS')?.limit)
  const simulcast = parseSimulcast(raw)
  const sctpPort = Number(raw.sctpPort)
  const maxMessageSize = Number(raw.maxMessageSize)
  return {
    mid: String(raw.mid),
    kind,
    direction: parseDirection(raw.direction) ?? 'sendrecv',
    rejected: raw.port === 0 && raw.bundleOnly === undefined,
    protocol: String(raw.protocol),
    codecs: kind === 'application' ? [] : parseCodecs(raw, kind),
    headerExtensions: parseExtensions(raw),
    rids: parseRids(raw),
    ...(simulcast && { simulcast }),
    sources: parseSources(raw),
    sourceGroups: (raw.ssrcGroups ?? []).map(({ semantics, ssrcs }) => {
      return { semantics: String(semantics), ssrcs: String(ssrcs).split(' ').map(Number) }
    }),
    ...(msid && { msid }),
    ...(Number.isFinite(bandwidth) && { bandwidthKbps: bandwidth }),
    ...(Number.isInteger(sctpPort) && {
      sctp: { port: sctpPort, ...(Number.isFinite(maxMessageSize) && { maxMessageSize }) },
    }),
  }
}

function parseDirection(value: string | number | undefined): Direction | undefined {
  switch (value) {
    case 'sendrecv':
    case 'sendonly':
    case 'recvonly':
    case 'inactive':
      return value
    default:
      return undefined
  }
}

/** RFC 3551 types that need no rtpmap. */
const STATIC_CODECS: ReadonlyMap<number, string> = new Map([
  [0, 'PCMU'],
  [8, 'PCMA'],
  [9, 'G722'],
])

function parseCodecs(raw: RawMedia, kind: MediaKind): Codec[] {
  const payloadTypes = String(raw.payloads ?? '')
    .split(' ')
    .filter(Boolean)
    .map(Number)
  const codecs = new Map<number, Codec>()
  const repairs = new Map<number, number>()
  for (const payloadType of payloadTypes) {
    if (!Number.isInteger(payloadType) || payloadType < 0 || payloadType > 127) {
      throw new ProtocolViolation('sdp', `payload type ${payloadType} in ${kind} section`)
    }
    if (codecs.has(payloadType)) throw new ProtocolViolation('sdp', `payload type ${payloadType} twice`)
    const mapping = raw.rtp.find(({ payload }) => payload === payloadType)
    const name = mapping ? String(mapping.codec) : STATIC_CODECS.get(payloadType)
    if (name === undefined) continue
    const parameters = parseParameters(raw.fmtp.filter(({ payload }) => payload === payloadType))
    const channels = Number(mapping?.encoding)
    if (name.toLowerCase() === 'rtx') {
      const repaired = Number(parameters.apt)
      if (Number.isInteger(repaired) && !repairs.has(repaired)) repairs.set(repaired, payloadType)
      continue
    }
    codecs.set(payloadType, {
      payloadType,
      name,
      clockRate: mapping?.rate ?? 8_000,
      ...(Number.isInteger(channels) && { channels }),
      parameters,
      feedback: (raw.rtcpFb ?? [])
        .filter(({ payload }) => payload === '*' || payload === payloadType)
        .map(({ type, subtype }) => (subtype === undefined ? String(type) : `${type} ${subtype}`)),
    })
  }
  return [...codecs.values()].map((codec) => {
    const retransmissionPayloadType = repairs.get(codec.payloadType)
    return retransmissionPayloadType === undefined ? codec : { ...codec, retransmissionPayloadType }
  })
}

function parseParameters(lines: readonly { config: string | number }[]): Record<string, string> {
  const entries: [string, string][] = []
  for (const { config } of lines) {
    for (const part of String(config).split(';')) {
      const [name = '', ...value] = part.trim().split('=')
      if (name !== '') entries.push([name, value.join('=')])
    }
  }
  return Object.fromEntries(entries)
}

function parseExtensions(raw: RawMedia): MediaDescription['headerExtensions'] {
  const seen = new Set<number>()
  return (raw.ext ?? []).map(({ value, uri, direction }) => {
    const id = Number(value)
    if (!Number.isInteger(id) || id < 1 || id > 255 || uri === undefined) {
      throw new ProtocolViolation('sdp', 'unreadable extmap')
    }
    if (seen.has(id)) throw new ProtocolViolation('sdp', `header extension id ${id} twice`)
    seen.add(id)
    const limited = parseDirection(direction)
    return { id, uri: String(uri), ...(limited && { direction: limited }) }
  })
}

/** sdp-transform knows neither a dash in a rid nor Firefox's braces in a msid: such lines come back as invalid. */
function refusedLines(raw: RawMedia, prefix: string): string[] {
  // A line of digits alone comes back as a number, whatever the types say.
  return (raw.invalid ?? []).map(({ value }) => String(value)).filter((value) => value.startsWith(prefix))
}

function parseRids(raw: RawMedia): RestrictedStream[] {
  const known = (raw.rids ?? []).map(({ id, direction, params }) => [id, direction, params])
  const refused = refusedLines(raw, 'rid:').map((line) => line.slice(4).split(' '))
  const rids: RestrictedStream[] = []
  for (const [id, direction, parameters] of [...known, ...refused]) {
    const name = String(id)
    if ((direction !== 'send' && direction !== 'recv') || !/^[\w-]{1,255}$/.test(name)) continue
    if (rids.some((rid) => rid.id === name)) continue
    const restrictions = parseParameters(parameters === undefined ? [] : [{ config: parameters }])
    rids.push({ id: name, direction, restrictions })
  }
  return rids
}

function parseSimulcast(raw: RawMedia): MediaDescription['simulcast'] {
  if (!raw.simulcast) return undefined
  const lists: Record<string, string[]> = { send: [], recv: [] }
  const { dir1, list1, dir2, list2 } = raw.simulcast
  for (const [direction, list] of [
    [dir1, list1],
    [dir2, list2],
  ]) {
    if (direction !== 'send' && direction !== 'recv') continue
    lists[direction] = String(list ?? '')
      .split(';')
      .map((alternatives) => (alternatives.split(',')[0] ?? '').replace(/^~/, ''))
      .filter((rid) => rid !== '')
  }
  return { send: lists.send ?? [], recv: lists.recv ?? [] }
}

function parseSources(raw: RawMedia): Source[] {
  const sources = new Map<number, Source>()
  for (const { id, attribute, value } of raw.ssrcs ?? []) {
    if (!Number.isInteger(id) || id < 0 || id > 0xffffffff)
      throw new ProtocolViolation('sdp', 'ssrc out of range')
    const known = sources.get(id) ?? { ssrc: id }
    sources.set(id, attribute === 'cname' ? { ...known, cname: String(value ?? '') } : known)
  }
  return [...sources.values()]
}

function parseMsid(raw: RawMedia): MediaDescription['msid'] {
  const [refused] = refusedLines(raw, 'msid:')
  const [id, appdata] = refused ? refused.slice(5).split(' ') : [raw.msid?.[0]?.id, raw.msid?.[0]?.appdata]
  if (id === undefined || id === '') return undefined
  return { stream: String(id), ...(appdata !== undefined && { track: String(appdata) }) }
}
