import { isIPv6 } from 'node:net'
import { AppError } from '@parley/contracts'
import type { Transport } from '@parley/fastpath'
import {
  type Candidate,
  candidatePriority,
  type DtlsSetup,
  type SessionDescription,
  type TransportDescription,
} from '@parley/protocols/sdp'
import { UnsupportedSdpError } from '../errors.ts'
import type { MediaWorker } from '../sfu/media-worker.ts'

/** Priority of ICE-TCP below UDP: host type of RFC 6544, section 4.2. */
const tcpPriorityDrop = 1 << 29

/** The candidates of a worker: all announced addresses, UDP before TCP, in the order given. */
export function workerCandidates(addresses: readonly string[], port: number): Candidate[] {
  const of = (transport: 'udp' | 'tcp') =>
    addresses.map((address, index): Candidate => {
      const priority = candidatePriority('host', { localPreference: 65_535 - index })
      return {
        foundation: `${transport}${index}`,
        component: 1,
        transport,
        priority: transport === 'udp' ? priority : priority - tcpPriorityDrop,
        address,
        port,
        type: 'host',
        ...(transport === 'tcp' && { tcpType: 'passive' as const }),
      }
    })
  // Chromium tries candidates in this order, and an IPv4 path is the likelier one.
  const order = (candidate: Candidate): number => (isIPv6(candidate.address) ? 1 : 0)
  return [...of('udp').sort((a, b) => order(a) - order(b)), ...of('tcp').sort((a, b) => order(a) - order(b))]
}

/**
 * One ICE-lite, DTLS and SRTP transport of a worker and what SDP says about it. Remembers the peer's credentials, so
 * that an ICE restart of the peer is seen. Owned by its connection.
 */
export class ServerTransport {
  readonly transport: Transport
  readonly #worker: MediaWorker
  readonly #candidates: readonly Candidate[]
  #remote: TransportDescription | undefined
  #dtlsRole: 'client' | 'server' = 'server'

  /** `measured`: how much the way to the peer carries is found out from its feedback. */
  constructor(worker: MediaWorker, announced: readonly string[], options: { measured?: boolean } = {}) {
    this.#worker = worker
    this.#candidates = workerCandidates(announced, worker.port)
    this.transport = worker.createTransport(
      options.measured === true ? { reportSent: true, reportRtcp: true } : {},
    )
  }

  get candidates(): readonly Candidate[] {
    return this.#candidates
  }

  get remoteUfrag(): string | undefined {
    return this.#remote?.iceUfrag
  }

  /** Whether a description is of the peer this transport is bound to: a certificate stays for a connection's life. */
  isOf({ transport }: SessionDescription): boolean {
    return this.#remote === undefined || this.#remote.fingerprint.value === transport.fingerprint.value
  }

  /** Whether it was bound to the peer of the description. */
  wasOf(description: SessionDescription): boolean {
    return this.#remote !== undefined && this.isOf(description)
  }

  describe(setup: DtlsSetup): TransportDescription {
    const { iceUfrag, icePwd } = this.transport
    return {
      iceUfrag,
      icePwd,
      fingerprint: { algorithm: 'sha-256', value: this.#worker.fingerprint },
      setup,
      candidates: this.#candidates,
      endOfCandidates: true,
    }
  }

  /**
   * Takes an offer's transport; new credentials restart ICE on our side too. Answers our role for the answer: the one
   * that is wished for where the offer leaves the choice.
   */
  takeOffer(offer: SessionDescription, wish: 'active' | 'passive' = 'passive'): 'active' | 'passive' {
    this.#check(offer)
    if (this.#remote !== undefined && this.#remote.iceUfrag !== offer.transport.iceUfrag)
      this.transport.restartIce()
    const offered = offer.transport.setup
    const setup = offered === 'actpass' ? wish : offered === 'passive' ? 'active' : 'passive'
    this.#apply(offer.transport, setup === 'active' ? 'client' : 'server')
    return setup
  }

  takeAnswer(answer: SessionDescription): void {
    this.#check(answer)
    if (answer.transport.setup === 'actpass') {
      throw new AppError('invalid-request', 'An answer must choose its DTLS role: a=setup:active or passive')
    }
    this.#apply(answer.transport, answer.transport.setup === 'passive' ? 'client' : 'server')
  }

  /** New credentials of the peer without a description, as WHIP trickles them. */
  takeRestart(credentials: { iceUfrag: string; icePwd: string }): void {
    if (this.#remote === undefined) return
    this.transport.restartIce()
    this.#apply({ ...this.#remote, ...credentials }, this.#dtlsRole)
  }

  restartIce(): void {
    this.transport.restartIce()
  }

  close(): void {
    this.transport.close()
  }

  #check(description: SessionDescription): void {
    const { transport, media, bundle } = description
    if (transport.fingerprint.algorithm !== 'sha-256') {
      throw new UnsupportedSdpError('The certificate needs a sha-256 fingerprint')
    }
    const live = media.filter(({ rejected }) => !rejected)
    if (live.length > 1 && live.some(({ mid }) => !bundle.includes(mid))) {
      throw new UnsupportedSdpError('All sections must be in one bundle')
    }
    if (transport.iceUfrag === '' || transport.icePwd === '') {
      throw new AppError('invalid-request', 'The description has no ICE credentials')
    }
    if (!this.isOf(description)) {
      throw new UnsupportedSdpError('The certificate of a connection cannot change; make a new one')
    }
  }

  #apply(remote: TransportDescription, dtlsRole: 'client' | 'server'): void {
    const { iceUfrag, icePwd, fingerprint } = remote
    const changed = this.#remote?.iceUfrag !== iceUfrag || this.#remote.icePwd !== icePwd
    this.#remote = remote
    this.#dtlsRole = dtlsRole
    if (changed) this.transport.setRemote({ dtlsRole, fingerprints: [fingerprint.value], iceUfrag, icePwd })
  }
}
