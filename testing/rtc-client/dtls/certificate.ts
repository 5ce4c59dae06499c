import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import type { Fingerprint } from '@parley/protocols/sdp'
import { bitString, der, integer, objectIdentifier, sequence, set, utcTime, utf8String } from './der.ts'

export type DtlsCertificate = {
  /** A P-256 private key. */
  readonly privateKey: KeyObject
  readonly der: Buffer
  readonly fingerprint: Fingerprint
}

const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2'
const COMMON_NAME = '2.5.4.3'
const DAY_MS = 86_400_000

/** The fingerprint SDP carries for a certificate (RFC 8122 section 5); the hash has its SDP name. */
export function certificateFingerprint(certificate: Uint8Array, algorithm = 'sha-256'): Fingerprint {
  const digest = createHash(algorithm.replace('-', '')).update(certificate).digest('hex').toUpperCase()
  return { algorithm, value: (digest.match(/../g) ?? []).join(':') }
}

/** A fresh P-256 key with a self-signed certificate for it, valid for thirty days. */
export function createCertificate(): DtlsCertificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const name = sequence(set(sequence(objectIdentifier(COMMON_NAME), utf8String('parley synthetic peer'))))
  const signatureAlgorithm = sequence(objectIdentifier(ECDSA_WITH_SHA256))
  const now = Date.now()
  const serial = randomBytes(8)
  serial[0] = 0x40
  const toBeSigned = sequence(
    der(0xa0, integer(Buffer.of(2))),
    integer(serial),
    signatureAlgorithm,
    name,
    sequence(utcTime(new Date(now - DAY_MS)), utcTime(new Date(now + 30 * DAY_MS))),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
  )
  const signature = sign('sha256', toBeSigned, privateKey)
  const certificate = sequence(toBeSigned, signatureAlgorithm, bitString(signature))
  return { privateKey, der: certificate, fingerprint: certificateFingerprint(certificate) }
}
