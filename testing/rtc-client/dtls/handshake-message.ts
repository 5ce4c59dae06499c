import { ByteReader, ByteWriter } from '@parley/protocols/bytes'
import { DTLS_1_2 } from './record.ts'

export const HANDSHAKE = {
  clientHello: 1,
  serverHello: 2,
  helloVerifyRequest: 3,
  certificate: 11,
  serverKeyExchange: 12,
  certificateRequest: 13,
  serverHelloDone: 14,
  certificateVerify: 15,
  clientKeyExchange: 16,
  finished: 20,
} as const

export const ECDHE_ECDSA_AES128_GCM = 0xc02b
export const ECDHE_RSA_AES128_GCM = 0xc02f

const EXTENSION = {
  supportedGroups: 10,
  pointFormats: 11,
  signatureAlgorithms: 13,
  useSrtp: 14,
  extendedMasterSecret: 23,
  renegotiationInfo: 0xff01,
} as const

export const SIGNATURE = { ecdsaSha256: 0x0403, rsaSha256: 0x0401, rsaPssSha256: 0x0804 } as const
const SIGNATURES = Object.values(SIGNATURE)

const SECP256R1 = 23
const NAMED_CURVE = 3
const CERTIFICATE_TYPES = [64, 1]

export type HandshakeMessage = { readonly type: number; readonly sequence: number; readonly body: Uint8Array }

const HEADER_LENGTH = 12

/** Message with its header as if sent in one fragment: the form the transcript hashes (RFC 6347 section 4.2.6). */
export function wholeMessage(message: HandshakeMessage): Uint8Array {
  return fragmentOf(message, 0, message.body.length)
}

/** One fragment of a message with its header. */
export function fragmentOf(message: HandshakeMessage, offset: number, length: number): Uint8Array {
  return new ByteWriter(HEADER_LENGTH + length)
    .u8(message.type)
    .u24(message.body.length)
    .u16(message.sequence)
    .u24(offset)
    .u24(length)
    .bytes(message.body.subarray(offset, offset + length))
    .finish()
}

export type Hello = {
  readonly random: Uint8Array
  readonly sessionId: Uint8Array
  /** Of a client hello only. */
  readonly cookie: Uint8Array
  /** All the client offers; the one the server chose. */
  readonly cipherSuites: readonly number[]
  readonly srtpProfiles: readonly number[]
  readonly extendedMasterSecret: boolean
}

export function writeClientHello(hello: Hello): Uint8Array {
  const writer = new ByteWriter(256)
  writer.u16(DTLS_1_2).bytes(hello.random).u8(hello.sessionId.length).bytes(hello.sessionId)
  writer.u8(hello.cookie.length).bytes(hello.cookie)
  writer.u16(hello.cipherSuites.length * 2)
  for (const suite of hello.cipherSuites) writer.u16(suite)
  writer.u8(1).u8(0)
  writeExtensions(writer, hello, true)
  return writer.finish()
}

export function writeServerHello(hello: Hello): Uint8Array {
  const writer = new ByteWriter(128)
  writer.u16(DTLS_1_2).bytes(hello.random).u8(hello.sessionId.length).bytes(hello.sessionId)
  writer.u16(hello.cipherSuites[0] ?? 0).u8(0)
  writeExtensions(writer, hello, false)
  return writer.finish()
}

function writeExtensions(writer: ByteWriter, hello: Hello, client: boolean): void {
  const start = writer.length
  writer.u16(0).u16(EXTENSION.renegotiationInfo).u16(1).u8(0)
  writer.u16(EXTENSION.pointFormats).u16(2).u8(1).u8(0)
  if (hello.extendedMasterSecret) writer.u16(EXTENSION.extendedMasterSecret).u16(0)
  if (client) {
    writer.u16(EXTENSION.supportedGroups).u16(4).u16(2).u16(SECP256R1)
    writer
      .u16(EXTENSION.signatureAlgorithms)
      .u16(SIGNATURES.length * 2 + 2)
      .u16(SIGNATURES.length * 2)
    for (const algorithm of SIGNATURES) writer.u16(algorithm)
  }
  const { srtpProfiles } = hello
  if (srtpProfiles.length > 0) {
    writer
      .u16(EXTENSION.useSrtp)
      .u16(srtpProfiles.length * 2 + 3)
      .u16(srtpProfiles.length * 2)
    for (const profile of srtpProfiles) writer.u16(profile)
    writer.u8(0)
  }
  writer.patchU16(start, writer.length - start - 2)
}

export function readHello(body: Uint8Array, options: { readonly fromClient: boolean }): Hello {
  const reader = new ByteReader('dtls', body)
  const version = reader.u16()
  if (version !== DTLS_1_2) throw reader.violation(`peer speaks version ${version.toString(16)}`)
  const random = reader.take(32)
  const sessionId = reader.take(reader.u8())
  const cookie = options.fromClient ? reader.take(reader.u8()) : new Uint8Array()
  const cipherSuites: number[] = []
  if (options.fromClient) {
    const end = reader.u16() + reader.offset
    while (reader.offset < end) cipherSuites.push(reader.u16())
    reader.skip(reader.u8())
  } else {
    cipherSuites.push(reader.u16())
    reader.skip(1)
  }
  let srtpProfiles: number[] = []
  let extendedMasterSecret = false
  if (reader.remaining > 0) reader.skip(2)
  while (reader.remaining > 0) {
    const type = reader.u16()
    const content = reader.take(reader.u16())
    if (type === EXTENSION.extendedMasterSecret) extendedMasterSecret = true
    if (type === EXTENSION.useSrtp) {
      const profiles = new ByteReader('dtls', content)
      srtpProfiles = Array.from({ length: profiles.u16() / 2 }, () => profiles.u16())
    }
  }
  return { random, sessionId, cookie, cipherSuites, srtpProfiles, extendedMasterSecret }
}

export function writeHelloVerifyRequest(cookie: Uint8Array): Uint8Array {
  return new ByteWriter(35).u16(0xfeff).u8(cookie.length).bytes(cookie).finish()
}

export function readHelloVerifyRequest(body: Uint8Array): Uint8Array {
  const reader = new ByteReader('dtls', body)
  reader.skip(2)
  return reader.take(reader.u8())
}

export function writeCertificate(certificate: Uint8Array | undefined): Uint8Array {
  const writer = new ByteWriter(1_024)
  if (!certificate) return writer.u24(0).finish()
  return writer
    .u24(certificate.length + 3)
    .u24(certificate.length)
    .bytes(certificate)
    .finish()
}

/** The sender's own certificate, the first of the chain, if it sent any. */
export function readCertificate(body: Uint8Array): Uint8Array | undefined {
  const reader = new ByteReader('dtls', body)
  if (reader.u24() === 0) return undefined
  return reader.take(reader.u24())
}

/** The ephemeral key as RFC 8422 writes it; also the bytes that are signed. */
export function keyParameters(point: Uint8Array): Uint8Array {
  return new ByteWriter(70).u8(NAMED_CURVE).u16(SECP256R1).u8(point.length).bytes(point).finish()
}

export function writeServerKeyExchange(point: Uint8Array, signature: Uint8Array): Uint8Array {
  return new ByteWriter(256).bytes(keyParameters(point)).bytes(writeSignature(signature)).finish()
}

export type SignedKey = {
  readonly point: Uint8Array
  readonly algorithm: number
  readonly signature: Uint8Array
}

export function readServerKeyExchange(body: Uint8Array): SignedKey {
  const reader = new ByteReader('dtls', body)
  if (reader.u8() !== NAMED_CURVE || reader.u16() !== SECP256R1) throw reader.violation('not the P-256 curve')
  const point = reader.take(reader.u8())
  return { point, ...readSignature(reader.take()) }
}

export function writeCertificateRequest(): Uint8Array {
  const writer = new ByteWriter(32)
  writer.u8(CERTIFICATE_TYPES.length)
  for (const type of CERTIFICATE_TYPES) writer.u8(type)
  writer.u16(SIGNATURES.length * 2)
  for (const algorithm of SIGNATURES) writer.u16(algorithm)
  return writer.u16(0).finish()
}

export function writeClientKeyExchange(point: Uint8Array): Uint8Array {
  return new ByteWriter(70).u8(point.length).bytes(point).finish()
}

export function readClientKeyExchange(body: Uint8Array): Uint8Array {
  const reader = new ByteReader('dtls', body)
  return reader.take(reader.u8())
}

export function writeSignature(signature: Uint8Array): Uint8Array {
  return new ByteWriter(128).u16(SIGNATURE.ecdsaSha256).u16(signature.length).bytes(signature).finish()
}

export function readSignature(body: Uint8Array): {
  readonly algorithm: number
  readonly signature: Uint8Array
} {
  const reader = new ByteReader('dtls', body)
  return { algorithm: reader.u16(), signature: reader.take(reader.u16()) }
}

type Partial = {
  readonly type: number
  readonly body: Uint8Array
  readonly have: Uint8Array
  missing: number
}

/** Limits of what a peer can make us hold before it is authenticated. */
const MAX_MESSAGE_LENGTH = 65_536
const MAX_MESSAGES_AHEAD = 10

/** Puts fragments together, in any order and overlapping, and hands messages out in their sequence. */
export class HandshakeReassembly {
  readonly #partial = new Map<number, Partial>()
  #next = 0

  /** Sequence number of the message handed out next. */
  get next(): number {
    return this.#next
  }

  /** Takes the fragments of one record; true when it held only what was handed out before: the peer repeats itself. */
  add(record: Uint8Array): boolean {
    const reader = new ByteReader('dtls', record)
    let repeated = reader.remaining > 0
    while (reader.remaining > 0) {
      const type = reader.u8()
      const length = reader.u24()
      const sequence = reader.u16()
      const offset = reader.u24()
      const fragment = reader.take(reader.u24())
      if (length > MAX_MESSAGE_LENGTH || offset + fragment.length > length)
        throw reader.violation('wrong fragment')
      if (sequence < this.#next) continue
      repeated = false
      if (sequence >= this.#next + MAX_MESSAGES_AHEAD) continue
      const fresh = () => ({
        type,
        body: new Uint8Array(length),
        have: new Uint8Array(length),
        missing: length,
      })
      const partial = this.#partial.get(sequence) ?? fresh()
      if (partial.type !== type || partial.body.length !== length)
        throw reader.violation('fragments do not match')
      this.#partial.set(sequence, partial)
      partial.body.set(fragment, offset)
      for (let at = offset; at < offset + fragment.length; at++) {
        if (partial.have[at] === 0) partial.missing--
        partial.have[at] = 1
      }
    }
    return repeated
  }

  /** The next message, once it is complete. */
  take(): HandshakeMessage | undefined {
    const partial = this.#partial.get(this.#next)
    if (!partial || partial.missing > 0) return undefined
    this.#partial.delete(this.#next)
    return { type: partial.type, sequence: this.#next++, body: partial.body }
  }
}
