import { randomBytes } from 'node:crypto'
import type { Candidate, TransportDescription } from '@parley/protocols/sdp'
import { candidatePriority } from '@parley/protocols/sdp'
import {
  BINDING,
  findAttribute,
  isStun,
  parseStun,
  type ReceivedStunMessage,
  type StunAttribute,
  serializeStun,
  verifyIntegrity,
} from '@parley/protocols/stun'
import type { DatagramPort } from './datagram-port.ts'
import { type IceLink, IceSockets } from './sockets.ts'

export type IceRemote = Pick<TransportDescription, 'iceUfrag' | 'icePwd' | 'candidates'>

export type IceAgentOptions = {
  /** A lite agent only answers (RFC 8445 section 2.5), on addresses the controlling side reaches. */
  readonly lite: boolean
  /** Local address of the sockets. Default 127.0.0.1 for a lite agent, any address for a controlling one. */
  readonly address?: string
  /** Carries UDP instead of sockets of its own; a controlling agent's, over IPv4. The agent closes it. */
  readonly port?: DatagramPort
  /** Which of the remote candidates are tried; for a lite agent which it offers. Default `udp`. */
  readonly transport?: 'udp' | 'tcp' | 'all'
  /** Mean interval of consent checks (RFC 7675) and how long they may go unanswered. Default 5 s and 30 s. */
  readonly consentMs?: number
  readonly consentTimeoutMs?: number
  /** Default 15 s. */
  readonly connectTimeoutMs?: number
  /** Every datagram of the peer that is not STUN, with its arrival on the clock of `performance.now()`. */
  readonly onDatagram: (datagram: Buffer, arrivalMs: number) => void
  /** A path was chosen: at first, after each ICE restart, or when the lite side saw the peer move. */
  readonly onSelected?: () => void
  /** Consent ran out. */
  readonly onLost?: () => void
}

type Check = {
  readonly link: IceLink
  readonly nominate: boolean
  readonly generation: number
  readonly sentMs: number
}
type Pair = { readonly link: IceLink; attempts: number; nextMs: number }

const FIRST_RETRY_MS = 50
const MAX_RETRY_MS = 1_000
/** While checks are repeated; and the share of the consent interval by which consent may be late. */
const TICK_MS = 20
const CONSENT_TICKS = 10
const PEER_REFLEXIVE_PRIORITY = candidatePriority('prflx')

/**
 * Enough of ICE (RFC 8445) to reach an ICE-lite server as its controlling peer, or to be such a server for one peer:
 * checks with regular nomination, consent, restart, UDP and TCP. It owns its sockets and its timer.
 */
export class IceAgent {
  readonly connected: Promise<void>
  readonly #options: IceAgentOptions
  readonly #sockets: IceSockets
  readonly #tieBreaker = randomBytes(8).readBigUInt64BE()
  readonly #checks = new Map<string, Check>()
  #pairs: Pair[] = []
  #local = newCredentials()
  #remote: IceRemote | undefined
  #generation = 0
  #selected: IceLink | undefined
  #selectedGeneration = -1
  #timer: NodeJS.Timeout | undefined
  #nextConsentMs = 0
  #consentedMs = 0
  #roundTripMs: number | undefined
  #closed = false
  #resolve: () => void = () => {}
  #reject: (reason: Error) => void = () => {}
  #startedMs = 0

  constructor(options: IceAgentOptions) {
    this.#options = options
    this.#sockets = new IceSockets({
      onDatagram: (datagram, link, arrivalMs) => this.#handle(datagram, link, arrivalMs),
      ...(options.port && { port: options.port }),
      ...((options.address ?? options.lite) && { address: options.address ?? '127.0.0.1' }),
    })
    this.connected = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.connected.catch(() => {})
  }

  get localUfrag(): string {
    return this.#local.iceUfrag
  }

  get localPwd(): string {
    return this.#local.icePwd
  }

  /** Transport of the chosen path. */
  get protocol(): 'udp' | 'tcp' | undefined {
    return this.#selected?.protocol
  }

  /** Of the last answered check. */
  get roundTripMs(): number | undefined {
    return this.#roundTripMs
  }

  /** Local candidates; a lite agent opens its listeners for it. */
  async gather(): Promise<Candidate[]> {
    if (!this.#options.lite) return []
    const wanted = this.#options.transport ?? 'udp'
    const host = { component: 1, type: 'host' as const }
    const candidates: Candidate[] = []
    if (wanted !== 'tcp') {
      const at = await this.#sockets.listenUdp()
      candidates.push({
        ...host,
        foundation: '1',
        transport: 'udp',
        priority: candidatePriority('host'),
        ...at,
      })
    }
    if (wanted !== 'udp') {
      const at = await this.#sockets.listenTcp()
      const priority = candidatePriority('host', { localPreference: 8_191 })
      candidates.push({ ...host, foundation: '2', transport: 'tcp', tcpType: 'passive', priority, ...at })
    }
    return candidates
  }

  /** New local credentials for an ICE restart; the old path carries media until the next is chosen. */
  restart(): void {
    this.#local = newCredentials()
  }

  /** Starts towards this remote; with new credentials it is an ICE restart. Further candidates may be added. */
  setRemote(remote: IceRemote): void {
    if (this.#closed) return
    const restarted = this.#remote?.iceUfrag !== remote.iceUfrag || this.#remote.icePwd !== remote.icePwd
    this.#remote = remote
    if (restarted) {
      this.#generation++
      this.#pairs = []
      this.#startedMs = performance.now()
    }
    if (this.#options.lite) return
    for (const candidate of remote.candidates) this.#pair(candidate)
    this.#run()
  }

  /** Another local address from now on; the peer is told at once which path counts. */
  changeAddress(): void {
    if (this.#closed) return
    this.#sockets.rebindUdp()
    if (this.#selected) this.#check(this.#selected, true)
  }

  send(datagram: Uint8Array): void {
    this.#selected?.send(datagram)
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#stop()
    this.#sockets.close()
    this.#reject(new Error('ICE agent closed'))
  }

  #pair(candidate: Candidate): void {
    const wanted = this.#options.transport ?? 'udp'
    if (wanted !== 'all' && wanted !== candidate.transport) return
    if (candidate.transport === 'tcp' && candidate.tcpType === 'active') return
    if (candidate.address.endsWith('.local')) return
    const link = this.#sockets.link(candidate.transport, { address: candidate.address, port: candidate.port })
    if (this.#pairs.some((pair) => pair.link === link)) return
    this.#pairs.push({ link, attempts: 0, nextMs: 0 })
  }

  /** Seldom once there is a path: thousands of agents share a process. */
  #run(): void {
    this.#stop()
    const settled = this.#selectedGeneration === this.#generation
    const { consentMs = 5_000, consentTimeoutMs = 30_000 } = this.#options
    const consent = Math.min(consentMs, consentTimeoutMs)
    const tickMs = settled ? Math.max(TICK_MS, consent / CONSENT_TICKS) : TICK_MS
    this.#timer = setTimeout(() => this.#run(), tickMs)
    this.#tick()
  }

  #tick(): void {
    const now = performance.now()
    if (this.#selectedGeneration !== this.#generation) {
      for (const pair of this.#pairs) {
        if (now < pair.nextMs) continue
        pair.attempts++
        pair.nextMs = now + Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(10, pair.attempts - 1))
        this.#check(pair.link, false)
      }
      if (now - this.#startedMs > (this.#options.connectTimeoutMs ?? 15_000)) {
        this.#reject(new Error('ICE: no candidate answers'))
        if (this.#selected === undefined) this.#stop()
      }
      return
    }
    if (!this.#selected) return
    if (now >= this.#nextConsentMs) {
      this.#nextConsentMs = now + (this.#options.consentMs ?? 5_000) * (0.8 + 0.4 * Math.random())
      this.#check(this.#selected, false)
    }
    if (now - this.#consentedMs > (this.#options.consentTimeoutMs ?? 30_000)) {
      this.#selected = undefined
      this.#stop()
      this.#options.onLost?.()
    }
    for (const [id, check] of this.#checks) if (now - check.sentMs > 10_000) this.#checks.delete(id)
  }

  #stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #check(link: IceLink, nominate: boolean): void {
    if (!this.#remote) return
    const transactionId = randomBytes(12)
    const attributes: StunAttribute[] = [
      { type: 'username', value: `${this.#remote.iceUfrag}:${this.#local.iceUfrag}` },
      { type: 'priority', value: PEER_REFLEXIVE_PRIORITY },
      { type: 'ice-controlling', tieBreaker: this.#tieBreaker },
    ]
    if (nominate) attributes.push({ type: 'use-candidate' })
    const generation = this.#generation
    this.#checks.set(transactionId.toString('hex'), { link, nominate, generation, sentMs: performance.now() })
    const request = { class: 'request' as const, method: BINDING, transactionId, attributes }
    link.send(serializeStun(request, { password: this.#remote.icePwd }))
  }

  #handle(datagram: Buffer, link: IceLink, arrivalMs: number): void {
    if (this.#closed) return
    if (!isStun(datagram)) {
      this.#options.onDatagram(datagram, arrivalMs)
      return
    }
    let message: ReceivedStunMessage
    try {
      message = parseStun(datagram)
    } catch {
      return
    }
    if (message.method !== BINDING) return
    if (message.class === 'request') this.#answer(message, link)
    else if (message.class === 'success') this.#handleSuccess(message)
  }

  #answer(request: ReceivedStunMessage, link: IceLink): void {
    const { transactionId } = request
    const username = findAttribute(request, 'username')?.value ?? ''
    if (!username.startsWith(`${this.#local.iceUfrag}:`) || !verifyIntegrity(request, this.#local.icePwd)) {
      const attributes = [{ type: 'error-code' as const, code: 401, reason: 'Unauthenticated' }]
      link.send(serializeStun({ class: 'error', method: BINDING, transactionId, attributes }))
      return
    }
    const attributes = [{ type: 'xor-mapped-address' as const, ...link.remote }]
    const response = { class: 'success' as const, method: BINDING, transactionId, attributes }
    link.send(serializeStun(response, { password: this.#local.icePwd }))
    if (this.#options.lite && findAttribute(request, 'use-candidate')) this.#select(link)
    // Consent checks of a peer that moved carry no nomination; a lite agent follows them (RFC 8445 section 7.3.2).
    else if (this.#options.lite && this.#selected && this.#selected !== link) this.#select(link)
  }

  #handleSuccess(response: ReceivedStunMessage): void {
    const id = Buffer.from(response.transactionId).toString('hex')
    const check = this.#checks.get(id)
    if (!check || check.generation !== this.#generation || !this.#remote) return
    if (!verifyIntegrity(response, this.#remote.icePwd)) return
    this.#checks.delete(id)
    const now = performance.now()
    this.#consentedMs = now
    this.#roundTripMs = now - check.sentMs
    if (check.nominate) {
      if (this.#selectedGeneration === this.#generation) return
      this.#selectedGeneration = this.#generation
      this.#nextConsentMs = now + (this.#options.consentMs ?? 5_000)
      this.#select(check.link)
      return
    }
    if (this.#selectedGeneration === this.#generation) return
    // A lost nomination is repeated with the next check that succeeds on the pair.
    this.#check(check.link, true)
  }

  #select(link: IceLink): void {
    // The controlling side gets here once a nomination, the lite side with every repetition of one.
    const news = !this.#options.lite || this.#selected !== link
    this.#selected = link
    this.#resolve()
    if (news) this.#options.onSelected?.()
  }
}

/** RFC 8839 section 5.4: at least 24 bits of ufrag, 128 of password. */
function newCredentials(): { readonly iceUfrag: string; readonly icePwd: string } {
  return {
    iceUfrag: randomBytes(6).toString('base64').replaceAll('=', ''),
    icePwd: randomBytes(18).toString('base64').replaceAll('=', ''),
  }
}
