import { constants, type KeyObject, verify, X509Certificate } from 'node:crypto'
import type { Fingerprint } from '@parley/protocols/sdp'
import { ProtocolViolation } from '@parley/protocols/violation'
import { certificateFingerprint } from './certificate.ts'
import { readCertificate, SIGNATURE } from './handshake-message.ts'

/** The certificate the peer shows, held against the fingerprint it announced, and the key that proves it. */
export class PeerIdentity {
  readonly #announced: Fingerprint | undefined
  #fingerprint: Fingerprint | undefined
  #key: KeyObject | undefined

  constructor(announced: Fingerprint | undefined) {
    this.#announced = announced
  }

  /** Of the certificate shown; undefined when none was. */
  get fingerprint(): Fingerprint | undefined {
    return this.#fingerprint
  }

  /** Takes a certificate message; throws ProtocolViolation when it is not the one announced. */
  takeCertificate(body: Uint8Array): void {
    const certificate = readCertificate(body)
    if (!certificate) {
      if (this.#announced) throw new ProtocolViolation('dtls', 'the peer showed no certificate')
      return
    }
    const fingerprint = certificateFingerprint(certificate, this.#announced?.algorithm)
    if (this.#announced && fingerprint.value !== this.#announced.value.toUpperCase()) {
      throw new ProtocolViolation('dtls', 'the certificate does not match the fingerprint')
    }
    this.#fingerprint = fingerprint
    try {
      this.#key = new X509Certificate(certificate).publicKey
    } catch (cause) {
      throw new ProtocolViolation('dtls', 'unreadable certificate', { cause })
    }
  }

  /** Throws ProtocolViolation unless the key of the certificate signed exactly this. */
  checkSignature(algorithm: number, signed: Uint8Array, signature: Uint8Array): void {
    if (!this.#key) throw new ProtocolViolation('dtls', 'a signature without a certificate')
    const pss = algorithm === SIGNATURE.rsaPssSha256
    const key = pss ? { key: this.#key, padding: constants.RSA_PKCS1_PSS_PADDING } : this.#key
    const wanted = algorithm === SIGNATURE.ecdsaSha256 ? 'ec' : 'rsa'
    if (!Object.values<number>(SIGNATURE).includes(algorithm) || this.#key.asymmetricKeyType !== wanted) {
      throw new ProtocolViolation('dtls', `signature algorithm ${algorithm.toString(16)}`)
    }
    if (!verify('sha256', signed, key, signature)) throw new ProtocolViolation('dtls', 'wrong signature')
  }
}
