import { isRtcp } from '@parley/protocols/rtp'
import type { DtlsSetup, TransportDescription } from '@parley/protocols/sdp'
import {
  createCertificate,
  DtlsAssociation,
  type DtlsCertificate,
  isDtls,
  type SrtpProfile,
} from './dtls/index.ts'
import { IceAgent, type IceAgentOptions } from './ice/agent.ts'
import { SrtpSession } from './srtp/index.ts'

export type PeerTransportOptions = Pick<
  IceAgentOptions,
  | 'address'
  | 'port'
  | 'transport'
  | 'consentMs'
  | 'consentTimeoutMs'
  | 'connectTimeoutMs'
  | 'onSelected'
  | 'onLost'
> & {
  /** Answers ICE like a server instead of controlling it. */
  readonly lite?: boolean
  readonly certificate?: DtlsCertificate
  /** In order of preference. */
  readonly srtpProfiles?: readonly SrtpProfile[]
  /** Plain packets of the peer, with their arrival on the clock of `performance.now()`. */
  readonly onRtp?: (packet: Buffer, arrivalMs: number) => void
  readonly onRtcp?: (packet: Buffer, arrivalMs: number) => void
  /** Every SRTP or SRTCP packet before it is opened; returning false leaves it sealed and uncounted. */
  readonly onSealed?: (packet: Buffer, arrivalMs: number) => boolean
  /** Application data of the peer: SCTP packets. */
  readonly onData?: (data: Uint8Array) => void
  /** The peer closed the DTLS association. */
  readonly onClosed?: () => void
}

const MAX_EARLY = 256

export type TransportCounters = {
  sentPackets: number
  sentBytes: number
  receivedPackets: number
  receivedBytes: number
  /** SRTP that did not open: forged, damaged, repeated. */
  refusedPackets: number
}

/**
 * ICE, DTLS and SRTP of one peer, stacked. `local` describes this side, `connect` starts towards the other,
 * `connected` settles when SRTP is ready or cannot be. The creator closes it.
 */
export class PeerTransport {
  readonly connected: Promise<void>
  readonly counters: TransportCounters = {
    sentPackets: 0,
    sentBytes: 0,
    receivedPackets: 0,
    receivedBytes: 0,
    refusedPackets: 0,
  }
  readonly #options: PeerTransportOptions
  readonly #certificate: DtlsCertificate
  readonly #ice: IceAgent
  #candidates: TransportDescription['candidates'] | undefined
  #dtls: DtlsAssociation | undefined
  #srtp: SrtpSession | undefined
  #profile: SrtpProfile | undefined
  /** A port hands over in one turn what came behind the end of the handshake, before the promise of that settles. */
  readonly #early: { datagram: Buffer; arrivalMs: number }[] = []
  #closed = false
  #resolve: () => void = () => {}
  #reject: (reason: Error) => void = () => {}

  constructor(options: PeerTransportOptions = {}) {
    const { onRtp, onRtcp, onSealed, onData, onClosed, srtpProfiles, certificate, lite, ...ice } = options
    this.#options = options
    this.#certificate = certificate ?? createCertificate()
    this.#ice = new IceAgent({
      ...ice,
      lite: lite ?? false,
      onDatagram: (datagram, arrivalMs) => this.#receive(datagram, arrivalMs),
    })
    this.connected = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.connected.catch(() => {})
  }

  get lite(): boolean {
    return this.#options.lite ?? false
  }

  /** The SRTP profile the handshake agreed on. */
  get srtpProfile(): SrtpProfile | undefined {
    return this.#profile
  }

  /** The transport ICE chose. */
  get protocol(): 'udp' | 'tcp' | undefined {
    return this.#ice.protocol
  }

  get roundTripMs(): number | undefined {
    return this.#ice.roundTripMs
  }

  /** This side for an offer or answer. */
  async local(setup: DtlsSetup): Promise<TransportDescription> {
    this.#candidates ??= await this.#ice.gather()
    return {
      iceUfrag: this.#ice.localUfrag,
      icePwd: this.#ice.localPwd,
      fingerprint: this.#certificate.fingerprint,
      setup,
      candidates: this.#candidates,
      endOfCandidates: true,
    }
  }

  /** New ICE credentials from the next `local` on. */
  restartIce(): void {
    this.#ice.restart()
  }

  /** Goes on from another local address. */
  changeAddress(): void {
    this.#ice.changeAddress()
  }

  /** Starts, or (with other ICE credentials) moves, towards the remote side. DTLS starts once. */
  connect(remote: TransportDescription, dtlsRole: 'client' | 'server'): void {
    this.#ice.setRemote(remote)
    if (this.#dtls || this.#closed) return
    const { srtpProfiles, onData, onClosed } = this.#options
    const dtls = new DtlsAssociation({
      role: dtlsRole,
      certificate: this.#certificate,
      remoteFingerprint: remote.fingerprint,
      helloVerify: false,
      ...(srtpProfiles && { srtpProfiles }),
      ...(onData && { onData }),
      ...(onClosed && { onClosed }),
      send: (datagram) => this.#ice.send(datagram),
    })
    this.#dtls = dtls
    void this.#establish(dtls, dtlsRole)
  }

  sendRtp(packet: Uint8Array): Buffer | undefined {
    return this.#srtp && this.sendSealed(this.#srtp.protectRtp(packet))
  }

  sendRtcp(packet: Uint8Array): void {
    if (this.#srtp) this.sendSealed(this.#srtp.protectRtcp(packet))
  }

  /** Sends application data; only once connected. */
  sendData(data: Uint8Array): void {
    this.#dtls?.sendData(data)
  }

  /** Sends ciphertext as it is: the identical packet again, never the same packet encrypted again. */
  sendSealed(packet: Buffer): Buffer {
    this.counters.sentPackets++
    this.counters.sentBytes += packet.length
    this.#ice.send(packet)
    return packet
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#dtls?.close()
    // The DTLS alert just handed to the socket leaves before a close of the next turn.
    setImmediate(() => this.#ice.close())
    this.#reject(new Error('transport closed'))
  }

  /** Ends without a word, as a machine whose power fails. */
  vanish(): void {
    if (this.#closed) return
    this.#closed = true
    // What DTLS says after that reaches nobody.
    this.#ice.close()
    this.#dtls?.close()
    this.#reject(new Error('transport closed'))
  }

  async #establish(dtls: DtlsAssociation, role: 'client' | 'server'): Promise<void> {
    try {
      if (role === 'server') dtls.start()
      await this.#ice.connected
      dtls.start()
      const { srtp } = await dtls.connected
      if (!srtp) throw new Error('the peer agreed on no SRTP profile')
      const [local, remote] = role === 'client' ? [srtp.client, srtp.server] : [srtp.server, srtp.client]
      this.#srtp = new SrtpSession({ profile: srtp.profile, local, remote })
      this.#profile = srtp.profile
      for (const { datagram, arrivalMs } of this.#early.splice(0)) this.#receive(datagram, arrivalMs)
      this.#resolve()
    } catch (error) {
      this.#reject(error instanceof Error ? error : new Error(String(error)))
    }
  }

  #receive(datagram: Buffer, arrivalMs: number): void {
    const first = datagram[0] ?? 0
    if (isDtls(datagram)) {
      this.#dtls?.handle(datagram)
      return
    }
    if (first < 128 || first > 191) return
    if (!this.#srtp) {
      if (this.#options.port && this.#early.length < MAX_EARLY) this.#early.push({ datagram, arrivalMs })
      return
    }
    this.counters.receivedPackets++
    this.counters.receivedBytes += datagram.length
    if (this.#options.onSealed?.(datagram, arrivalMs) === false) return
    const rtcp = isRtcp(datagram)
    const packet = rtcp ? this.#srtp.unprotectRtcp(datagram) : this.#srtp.unprotectRtp(datagram)
    if (!packet) {
      this.counters.refusedPackets++
      return
    }
    if (rtcp) this.#options.onRtcp?.(packet, arrivalMs)
    else this.#options.onRtp?.(packet, arrivalMs)
  }
}
