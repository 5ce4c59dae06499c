import { createECDH, createHmac, type ECDH, randomBytes, sign, timingSafeEqual } from 'node:crypto'
import type { Fingerprint } from '@parley/protocols/sdp'
import { ProtocolViolation } from '@parley/protocols/violation'
import { ReplayWindow } from '../replay-window.ts'
import type { DtlsCertificate } from './certificate.ts'
import { FlightSender } from './flight-sender.ts'
import {
  ECDHE_ECDSA_AES128_GCM,
  ECDHE_RSA_AES128_GCM,
  HANDSHAKE,
  type HandshakeMessage,
  HandshakeReassembly,
  type Hello,
  keyParameters,
  readClientKeyExchange,
  readHello,
  readHelloVerifyRequest,
  readServerKeyExchange,
  readSignature,
  wholeMessage,
  writeCertificate,
  writeCertificateRequest,
  writeClientHello,
  writeClientKeyExchange,
  writeHelloVerifyRequest,
  writeServerHello,
  writeServerKeyExchange,
  writeSignature,
} from './handshake-message.ts'
import { prf, recordKeys, sha256, type WriteKeys } from './key-schedule.ts'
import { PeerIdentity } from './peer-identity.ts'
import { CONTENT, type DtlsRecord, parseRecords, unprotectRecord } from './record.ts'

/** DTLS-SRTP protection profiles by their registry names (RFC 5764, RFC 7714). */
export type SrtpProfile = 'AEAD_AES_128_GCM' | 'AES128_CM_HMAC_SHA1_80'

export const SRTP_PROFILES: Readonly<
  Record<SrtpProfile, { code: number; keyLength: number; saltLength: number }>
> = {
  AEAD_AES_128_GCM: { code: 0x0007, keyLength: 16, saltLength: 12 },
  AES128_CM_HMAC_SHA1_80: { code: 0x0001, keyLength: 16, saltLength: 14 },
}

export type SrtpMasterKey = { readonly key: Buffer; readonly salt: Buffer }

/** What a finished handshake agreed on. */
export type DtlsSession = {
  readonly srtp?: {
    readonly profile: SrtpProfile
    readonly client: SrtpMasterKey
    readonly server: SrtpMasterKey
  }
  readonly remoteFingerprint?: Fingerprint
  readonly extendedMasterSecret: boolean
}

export type DtlsOptions = {
  readonly role: 'client' | 'server'
  readonly certificate: DtlsCertificate
  /** The peer must show exactly this certificate. Without it any certificate, or none, will do. */
  readonly remoteFingerprint?: Fingerprint
  /** In order of preference; a server chooses the first it finds in the offer. */
  readonly srtpProfiles?: readonly SrtpProfile[]
  /** Server only: whether a client must first prove its address by a cookie. Default true. */
  readonly helloVerify?: boolean
  /** First retransmission interval; doubles up to eight times this. Default 200 ms. */
  readonly retransmitMs?: number
  /** Fragments and flights fit datagrams of this size. Default 1,200. */
  readonly maxDatagramBytes?: number
  readonly send: (datagram: Uint8Array) => void
  readonly onData?: (data: Uint8Array) => void
  /** The peer closed or sent a fatal alert after the handshake. */
  readonly onClosed?: () => void
}

const CLOSE_NOTIFY = 0
const HANDSHAKE_FAILURE = 40
const FATAL = 2
/** Protected records that overtook the messages their keys come from. */
const MAX_EARLY_RECORDS = 16

/**
 * One DTLS 1.2 association (RFC 6347) over datagrams its owner carries: ECDHE on P-256 with AES-128-GCM, extended
 * master secret, use_srtp. It checks everything a peer signs, so that a wrong peer fails here. Damaged datagrams are
 * dropped; a peer that breaks the handshake rejects `connected`. Only `close` frees its timer before that.
 */
export class DtlsAssociation {
  readonly connected: Promise<DtlsSession>
  readonly #options: DtlsOptions
  readonly #sender: FlightSender
  readonly #ecdh: ECDH = createECDH('prime256v1')
  readonly #random = randomBytes(32)
  readonly #cookieSecret = randomBytes(32)
  readonly #profiles: readonly SrtpProfile[]
  readonly #replay = new ReplayWindow()
  readonly #identity: PeerIdentity
  #received = new HandshakeReassembly()
  #transcript: Uint8Array[] = []
  #early: DtlsRecord[] = []
  #state: 'new' | 'handshaking' | 'connected' | 'closed' = 'new'
  #resolve: (session: DtlsSession) => void = () => {}
  #reject: (reason: Error) => void = () => {}
  #remoteRandom: Uint8Array = new Uint8Array()
  #remotePoint: Uint8Array | undefined
  #certificateWanted = false
  #certificateProven = false
  #extendedMasterSecret = false
  #profile: SrtpProfile | undefined
  #master: Buffer | undefined
  #keys: { client: WriteKeys; server: WriteKeys } | undefined

  constructor(options: DtlsOptions) {
    this.#options = options
    this.#profiles = options.srtpProfiles ?? ['AEAD_AES_128_GCM', 'AES128_CM_HMAC_SHA1_80']
    this.#sender = new FlightSender({
      send: options.send,
      retransmitMs: options.retransmitMs ?? 200,
      maxDatagramBytes: options.maxDatagramBytes ?? 1_200,
      onGivenUp: () => this.#fail(new Error('DTLS handshake: the peer does not answer')),
    })
    this.#identity = new PeerIdentity(options.remoteFingerprint)
    this.#ecdh.generateKeys()
    this.connected = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.connected.catch(() => {})
  }

  get state(): 'new' | 'handshaking' | 'connected' | 'closed' {
    return this.#state
  }

  /** Starts the handshake; a server waits for the client. */
  start(): void {
    if (this.#state !== 'new') return
    this.#state = 'handshaking'
    if (this.#options.role === 'client') this.#sendClientHello(new Uint8Array())
  }

  /** Takes one datagram from the peer. */
  handle(datagram: Uint8Array): void {
    if (this.#state === 'closed') return
    let records: DtlsRecord[]
    try {
      records = parseRecords(datagram)
    } catch {
      return
    }
    try {
      for (const record of records) this.#handleRecord(record)
      this.#handleMessages()
    } catch (error) {
      this.#sender.sendAlert(FATAL, HANDSHAKE_FAILURE)
      this.#fail(error instanceof Error ? error : new Error(String(error)))
    }
  }

  /** Sends application data; only once connected. */
  sendData(data: Uint8Array): void {
    if (this.#state === 'connected') this.#sender.sendData(data)
  }

  close(): void {
    if (this.#state === 'closed') return
    if (this.#state === 'connected') this.#sender.sendAlert(1, CLOSE_NOTIFY)
    this.#fail(new Error('DTLS association closed'))
  }

  #fail(reason: Error): void {
    const wasConnected = this.#state === 'connected'
    this.#state = 'closed'
    this.#sender.close()
    this.#reject(reason)
    if (wasConnected) this.#options.onClosed?.()
  }

  get #isClient(): boolean {
    return this.#options.role === 'client'
  }

  #handleRecord(protectedRecord: DtlsRecord): void {
    if (protectedRecord.epoch > 1 || this.#state === 'closed') return
    let record: DtlsRecord | undefined = protectedRecord
    if (record.epoch === 1) {
      if (!this.#keys) {
        if (this.#early.length < MAX_EARLY_RECORDS) this.#early.push(record)
        return
      }
      if (this.#replay.isReplayed(record.sequenceNumber)) return
      record = unprotectRecord(record, this.#isClient ? this.#keys.server : this.#keys.client)
      if (!record) return
      this.#replay.accept(record.sequenceNumber)
    }
    switch (record.contentType) {
      case CONTENT.handshake:
        if (this.#received.add(record.fragment)) this.#sender.peerRepeats()
        break
      case CONTENT.alert:
        this.#handleAlert(record)
        break
      case CONTENT.applicationData:
        if (record.epoch === 1 && this.#state === 'connected') this.#options.onData?.(record.fragment)
        break
    }
  }

  #handleAlert(record: DtlsRecord): void {
    const [level, description] = record.fragment
    // Anyone can forge an alert in the clear: after the handshake only protected ones count.
    if (this.#state === 'connected' && record.epoch === 0) return
    if (level === FATAL || description === CLOSE_NOTIFY) {
      this.#fail(new Error(`DTLS alert ${description} from the peer`))
    }
  }

  #handleMessages(): void {
    for (let message = this.#received.take(); message; message = this.#received.take()) {
      if (this.#state !== 'handshaking') return
      if (this.#isClient) this.#handleAsClient(message)
      else this.#handleAsServer(message)
    }
  }

  // Client: hello -> [verify request -> hello] -> server's flight -> own flight -> finished

  #sendClientHello(cookie: Uint8Array): void {
    const body = writeClientHello({
      random: this.#random,
      sessionId: new Uint8Array(),
      cookie,
      cipherSuites: [ECDHE_ECDSA_AES128_GCM, ECDHE_RSA_AES128_GCM],
      srtpProfiles: this.#profiles.map((profile) => SRTP_PROFILES[profile].code),
      extendedMasterSecret: true,
    })
    this.#transcript = []
    this.#sender.begin()
    this.#say(HANDSHAKE.clientHello, body)
    this.#sender.flush()
  }

  #handleAsClient(message: HandshakeMessage): void {
    if (message.type === HANDSHAKE.helloVerifyRequest) {
      this.#sendClientHello(readHelloVerifyRequest(message.body))
      return
    }
    if (message.type === HANDSHAKE.finished) {
      this.#checkFinished(message.body, 'server finished')
      this.#finish()
      return
    }
    this.#transcript.push(wholeMessage(message))
    switch (message.type) {
      case HANDSHAKE.serverHello:
        this.#takeServerHello(readHello(message.body, { fromClient: false }))
        break
      case HANDSHAKE.certificate:
        this.#identity.takeCertificate(message.body)
        break
      case HANDSHAKE.serverKeyExchange:
        this.#takeServerKey(message.body)
        break
      case HANDSHAKE.certificateRequest:
        this.#certificateWanted = true
        break
      case HANDSHAKE.serverHelloDone:
        this.#answerServer()
        break
      default:
        throw new ProtocolViolation('dtls', `unexpected handshake message ${message.type}`)
    }
  }

  #takeServerHello(hello: Hello): void {
    const [suite] = hello.cipherSuites
    if (suite !== ECDHE_ECDSA_AES128_GCM && suite !== ECDHE_RSA_AES128_GCM) {
      throw new ProtocolViolation('dtls', 'the server chose a cipher suite that was not offered')
    }
    this.#remoteRandom = hello.random
    this.#extendedMasterSecret = hello.extendedMasterSecret
    this.#profile = this.#profiles.find((profile) => SRTP_PROFILES[profile].code === hello.srtpProfiles[0])
    if (hello.srtpProfiles.length > 0 && !this.#profile) {
      throw new ProtocolViolation('dtls', 'the server chose an SRTP profile that was not offered')
    }
  }

  #takeServerKey(body: Uint8Array): void {
    const { point, algorithm, signature } = readServerKeyExchange(body)
    const signed = Buffer.concat([this.#random, this.#remoteRandom, keyParameters(point)])
    this.#identity.checkSignature(algorithm, signed, signature)
    this.#remotePoint = point
  }

  #answerServer(): void {
    const { certificate } = this.#options
    if (!this.#remotePoint) throw new ProtocolViolation('dtls', 'the server sent no key')
    this.#sender.begin()
    if (this.#certificateWanted) this.#say(HANDSHAKE.certificate, writeCertificate(certificate.der))
    this.#say(HANDSHAKE.clientKeyExchange, writeClientKeyExchange(this.#ecdh.getPublicKey()))
    this.#deriveKeys(this.#remotePoint)
    if (this.#certificateWanted) {
      const signature = sign('sha256', Buffer.concat(this.#transcript), certificate.privateKey)
      this.#say(HANDSHAKE.certificateVerify, writeSignature(signature))
    }
    this.#sayFinished('client finished')
  }

  // Server: [hello -> verify request] -> hello -> own flight -> client's flight -> finished

  #handleAsServer(message: HandshakeMessage): void {
    switch (message.type) {
      case HANDSHAKE.clientHello:
        this.#takeClientHello(message)
        return
      case HANDSHAKE.certificate:
        this.#transcript.push(wholeMessage(message))
        this.#identity.takeCertificate(message.body)
        return
      case HANDSHAKE.clientKeyExchange:
        this.#transcript.push(wholeMessage(message))
        this.#deriveKeys(readClientKeyExchange(message.body))
        return
      case HANDSHAKE.certificateVerify: {
        const { algorithm, signature } = readSignature(message.body)
        this.#identity.checkSignature(algorithm, Buffer.concat(this.#transcript), signature)
        this.#certificateProven = true
        this.#transcript.push(wholeMessage(message))
        return
      }
      case HANDSHAKE.finished:
        if (this.#identity.fingerprint && !this.#certificateProven) {
          throw new ProtocolViolation('dtls', 'the client did not prove its certificate')
        }
        this.#checkFinished(message.body, 'client finished')
        this.#transcript.push(wholeMessage(message))
        this.#sender.begin()
        this.#sayFinished('server finished')
        this.#finish()
        return
      default:
        throw new ProtocolViolation('dtls', `unexpected handshake message ${message.type}`)
    }
  }

  #takeClientHello(message: HandshakeMessage): void {
    const hello = readHello(message.body, { fromClient: true })
    const cookie = createHmac('sha256', this.#cookieSecret).update(hello.random).digest()
    if (this.#options.helloVerify !== false && !Buffer.from(hello.cookie).equals(cookie)) {
      this.#sender.begin()
      this.#sender.message(HANDSHAKE.helloVerifyRequest, writeHelloVerifyRequest(cookie))
      this.#sender.flush({ retransmit: false })
      return
    }
    if (!hello.cipherSuites.includes(ECDHE_ECDSA_AES128_GCM)) {
      throw new ProtocolViolation('dtls', 'no cipher suite in common')
    }
    this.#transcript = [wholeMessage(message)]
    this.#remoteRandom = hello.random
    this.#extendedMasterSecret = hello.extendedMasterSecret
    this.#profile = this.#profiles.find((profile) => hello.srtpProfiles.includes(SRTP_PROFILES[profile].code))
    const { certificate } = this.#options
    const point = this.#ecdh.getPublicKey()
    const signed = Buffer.concat([hello.random, this.#random, keyParameters(point)])
    this.#sender.begin()
    this.#say(
      HANDSHAKE.serverHello,
      writeServerHello({
        random: this.#random,
        sessionId: new Uint8Array(),
        cookie: new Uint8Array(),
        cipherSuites: [ECDHE_ECDSA_AES128_GCM],
        srtpProfiles: this.#profile ? [SRTP_PROFILES[this.#profile].code] : [],
        extendedMasterSecret: hello.extendedMasterSecret,
      }),
    )
    this.#say(HANDSHAKE.certificate, writeCertificate(certificate.der))
    this.#say(
      HANDSHAKE.serverKeyExchange,
      writeServerKeyExchange(point, sign('sha256', signed, certificate.privateKey)),
    )
    this.#say(HANDSHAKE.certificateRequest, writeCertificateRequest())
    this.#say(HANDSHAKE.serverHelloDone, new Uint8Array())
    this.#sender.flush()
  }

  // Both

  #say(type: number, body: Uint8Array): void {
    this.#transcript.push(wholeMessage(this.#sender.message(type, body)))
  }

  #sayFinished(label: 'client finished' | 'server finished'): void {
    if (!this.#master || !this.#keys) throw new ProtocolViolation('dtls', 'finished before the keys')
    const verifyData = prf(this.#master, label, sha256(...this.#transcript), 12)
    this.#sender.changeCipherSpec(this.#isClient ? this.#keys.client : this.#keys.server)
    this.#say(HANDSHAKE.finished, verifyData)
    this.#sender.flush({ retransmit: this.#isClient })
  }

  /** RFC 7627 section 4 where both sides know it, else RFC 5246 section 8.1. */
  #deriveKeys(remotePoint: Uint8Array): void {
    let shared: Buffer
    try {
      shared = this.#ecdh.computeSecret(remotePoint)
    } catch (cause) {
      throw new ProtocolViolation('dtls', 'the key is no point of the curve', { cause })
    }
    const [client, server] = this.#randoms()
    const master = this.#extendedMasterSecret
      ? prf(shared, 'extended master secret', sha256(...this.#transcript), 48)
      : prf(shared, 'master secret', Buffer.concat([client, server]), 48)
    this.#master = master
    this.#keys = recordKeys(master, client, server)
    for (const record of this.#early.splice(0)) this.#handleRecord(record)
  }

  #randoms(): [Uint8Array, Uint8Array] {
    return this.#isClient ? [this.#random, this.#remoteRandom] : [this.#remoteRandom, this.#random]
  }

  #checkFinished(received: Uint8Array, label: string): void {
    if (!this.#master) throw new ProtocolViolation('dtls', 'finished before the keys')
    const expected = prf(this.#master, label, sha256(...this.#transcript), 12)
    if (received.length !== 12 || !timingSafeEqual(expected, received)) {
      throw new ProtocolViolation('dtls', 'the peer saw another handshake')
    }
  }

  #finish(): void {
    if (this.#options.remoteFingerprint && !this.#identity.fingerprint) {
      throw new ProtocolViolation('dtls', 'the peer showed no certificate')
    }
    if (this.#isClient) this.#sender.settle()
    this.#state = 'connected'
    const srtp = this.#exportSrtp()
    const { fingerprint } = this.#identity
    this.#resolve({
      ...(srtp && { srtp }),
      ...(fingerprint && { remoteFingerprint: fingerprint }),
      extendedMasterSecret: this.#extendedMasterSecret,
    })
  }

  /** RFC 5764 section 4.2: both keys, then both salts. */
  #exportSrtp(): DtlsSession['srtp'] {
    if (!this.#profile || !this.#master) return undefined
    const { keyLength, saltLength } = SRTP_PROFILES[this.#profile]
    const length = 2 * (keyLength + saltLength)
    const material = prf(this.#master, 'EXTRACTOR-dtls_srtp', Buffer.concat(this.#randoms()), length)
    const salts = keyLength * 2
    return {
      profile: this.#profile,
      client: { key: material.subarray(0, keyLength), salt: material.subarray(salts, salts + saltLength) },
      server: {
        key: material.subarray(keyLength, salts),
        salt: material.subarray(salts + saltLength, length),
      },
    }
  }
}
