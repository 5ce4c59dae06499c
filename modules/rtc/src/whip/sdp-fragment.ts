import { AppError } from '@parley/contracts'
import { type Candidate, parseCandidate, serializeCandidate } from '@parley/protocols/sdp'
import { reading } from '../errors.ts'

/** What a trickle-ice-sdpfrag (RFC 8840) says: credentials, when it names any, and candidates. */
export interface SdpFragment {
  iceUfrag: string | undefined
  icePwd: string | undefined
  candidates: Candidate[]
}

const maxLines = 500
/** Well-formed, but neither UDP nor TCP: passed over without a word (RFC 9725, section 4.3.2). */
const unknownTransport =
  /^a=candidate:[\w+/]{1,32} \d{1,3} (?!(?:udp|tcp) )[\w-]+ \d{1,10} \S+ \d{1,5} typ \S/i

/** @throws AppError `invalid-request` */
export function parseSdpFragment(text: string): SdpFragment {
  const lines = text.split(/\r\n|\r|\n/).filter((line) => line !== '')
  if (lines.length > maxLines) throw new AppError('invalid-request', 'The fragment is too long')
  for (const line of lines) {
    if (!/^[a-z]=./.test(line))
      throw new AppError('invalid-request', 'The fragment holds what is no line of SDP')
  }
  const value = (name: string): string | undefined =>
    lines.find((line) => line.startsWith(`a=${name}:`))?.slice(name.length + 3)
  const candidates = lines
    .filter((line) => line.startsWith('a=candidate:') && !unknownTransport.test(line))
    .map((line) => reading(() => parseCandidate(line)))
  const fragment = { iceUfrag: value('ice-ufrag'), icePwd: value('ice-pwd'), candidates }
  const { iceUfrag, icePwd } = fragment
  if ((iceUfrag === undefined) !== (icePwd === undefined)) {
    throw new AppError('invalid-request', 'ice-ufrag and ice-pwd come together')
  }
  if (iceUfrag !== undefined && !/^[\w+/-]{4,256}$/.test(iceUfrag)) {
    throw new AppError('invalid-request', 'The ice-ufrag is malformed')
  }
  if (icePwd !== undefined && !/^[\w+/-]{22,256}$/.test(icePwd)) {
    throw new AppError('invalid-request', 'The ice-pwd is malformed')
  }
  return fragment
}

export function serializeSdpFragment(options: {
  iceUfrag: string
  icePwd: string
  candidates: readonly Candidate[]
}): string {
  const lines = [
    'a=ice-lite',
    `a=ice-ufrag:${options.iceUfrag}`,
    `a=ice-pwd:${options.icePwd}`,
    'm=audio 9 UDP/TLS/RTP/SAVPF 0',
    'a=mid:0',
    ...options.candidates.map((candidate) => `a=${serializeCandidate(candidate)}`),
    'a=end-of-candidates',
  ]
  return `${lines.join('\r\n')}\r\n`
}
