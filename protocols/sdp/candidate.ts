import { ProtocolViolation } from '../violation.ts'

/** An ICE candidate (RFC 8839 section 5.1). */
export type Candidate = {
  readonly foundation: string
  /** 1 for RTP, the only one with rtcp-mux. */
  readonly component: number
  readonly transport: 'udp' | 'tcp'
  readonly priority: number
  /** An IP address, or an mDNS name. */
  readonly address: string
  readonly port: number
  readonly type: 'host' | 'srflx' | 'prflx' | 'relay'
  /** RFC 6544: who connects. Only with `tcp`. */
  readonly tcpType?: 'active' | 'passive' | 'so'
  readonly relatedAddress?: string
  readonly relatedPort?: number
}

const LINE =
  /^(?:a=)?candidate:([\w+/]{1,32}) (\d{1,3}) (udp|tcp) (\d{1,10}) ([0-9a-zA-Z.:_-]{1,255}) (\d{1,5}) typ (host|srflx|prflx|relay)((?: \S+ \S+)*)\s*$/i

/** Reads `candidate:...` as trickled, with or without `a=`; throws ProtocolViolation. Unknown extensions are skipped. */
export function parseCandidate(line: string): Candidate {
  const match = line.length <= 1_024 ? LINE.exec(line) : null
  if (!match) throw new ProtocolViolation('sdp', 'unreadable candidate')
  const [, foundation = '', component, transport, priority, address = '', port, type, rest = ''] = match
  const extensions = new Map<string, string>()
  const words = rest.trim().split(' ')
  for (let index = 0; index + 1 < words.length; index += 2) {
    extensions.set((words[index] ?? '').toLowerCase(), words[index + 1] ?? '')
  }
  const tcpType = extensions.get('tcptype')?.toLowerCase()
  const relatedAddress = extensions.get('raddr')
  const relatedPort = Number(extensions.get('rport'))
  if (Number(port) > 65_535 || Number(priority) > 0xffffffff) {
    throw new ProtocolViolation('sdp', 'candidate port or priority out of range')
  }
  return {
    foundation,
    component: Number(component),
    transport: transport?.toLowerCase() === 'tcp' ? 'tcp' : 'udp',
    priority: Number(priority),
    address,
    port: Number(port),
    type: type?.toLowerCase() as Candidate['type'],
    ...((tcpType === 'active' || tcpType === 'passive' || tcpType === 'so') && { tcpType }),
    ...(relatedAddress !== undefined && { relatedAddress }),
    ...(Number.isInteger(relatedPort) && { relatedPort }),
  }
}

/** `candidate:...`, without `a=`, as browsers take it. */
export function serializeCandidate(candidate: Candidate): string {
  const { foundation, component, transport, priority, address, port, type } = candidate
  const words = [`candidate:${foundation}`, component, transport, priority, address, port, 'typ', type]
  if (candidate.relatedAddress !== undefined) words.push('raddr', candidate.relatedAddress)
  if (candidate.relatedPort !== undefined) words.push('rport', candidate.relatedPort)
  if (candidate.tcpType !== undefined) words.push('tcptype', candidate.tcpType)
  return words.join(' ')
}

const TYPE_PREFERENCE = { host: 126, prflx: 110, srflx: 100, relay: 0 } as const

/** The recommended priority (RFC 8445 section 5.1.2.1); `localPreference` ranks addresses, 0-65535. */
export function candidatePriority(
  type: Candidate['type'],
  options: { readonly localPreference?: number; readonly component?: number } = {},
): number {
  const { localPreference = 65_535, component = 1 } = options
  return TYPE_PREFERENCE[type] * 2 ** 24 + localPreference * 2 ** 8 + (256 - component)
}
