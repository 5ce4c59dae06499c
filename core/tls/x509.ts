import { createHash, createPublicKey, type KeyObject, randomBytes, sign } from 'node:crypto'
import { isIP } from 'node:net'
import {
  addressBytes,
  bitString,
  boolean,
  implicit,
  integer,
  octetString,
  oid,
  sequence,
  set,
  tagged,
  time,
  utf8String,
} from './der.ts'

const ids = {
  commonName: '2.5.4.3',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  extensionRequest: '1.2.840.113549.1.9.14',
  subjectKeyId: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
} as const

/** RFC 5280, appendix A: ub-common-name. */
const maxCommonName = 64

/**
 * A certificate (RFC 5280) of a server that signs for itself, PEM. `names` are host names and IP addresses; `key` is
 * ECDSA P-256.
 */
export function selfSignedCertificate(options: {
  commonName: string
  names: readonly string[]
  key: KeyObject
  notBefore: Date
  notAfter: Date
}): string {
  const { commonName, names, key, notBefore, notAfter } = options
  const publicKey = publicKeyInfo(key)
  const name = nameOf(commonName)
  const keyId = createHash('sha1').update(publicKey).digest()
  const body = sequence(
    tagged(0, integer(2)),
    integer(serialNumber()),
    sequence(oid(ids.ecdsaWithSha256)),
    name,
    sequence(time(notBefore), time(notAfter)),
    name,
    publicKey,
    tagged(
      3,
      sequence(
        extension(ids.basicConstraints, sequence(), true),
        extension(ids.keyUsage, bitString(Buffer.of(0x80), 7), true),
        extension(ids.extendedKeyUsage, sequence(oid(ids.serverAuth))),
        extension(ids.subjectKeyId, octetString(keyId)),
        alternativeNames(names),
      ),
    ),
  )
  return pem('CERTIFICATE', signed(body, key))
}

/** A request for a certificate of these names (PKCS #10, RFC 2986), DER. The key is ECDSA P-256. */
export function signingRequest(options: { names: readonly string[]; key: KeyObject }): Buffer {
  const { names, key } = options
  const attributes = tagged(0, sequence(oid(ids.extensionRequest), set(sequence(alternativeNames(names)))))
  // The names stand in the extension alone (RFC 8555, section 7.4).
  const body = sequence(integer(0), sequence(), publicKeyInfo(key), attributes)
  return signed(body, key)
}

function signed(body: Buffer, key: KeyObject): Buffer {
  return sequence(body, sequence(oid(ids.ecdsaWithSha256)), bitString(sign('sha256', body, key)))
}

function publicKeyInfo(key: KeyObject): Buffer {
  return createPublicKey(key).export({ type: 'spki', format: 'der' })
}

function nameOf(commonName: string): Buffer {
  const attribute = sequence(oid(ids.commonName), utf8String(commonName.slice(0, maxCommonName)))
  return sequence(set(attribute))
}

function alternativeNames(names: readonly string[]): Buffer {
  const entries = names.map((name) =>
    isIP(name) === 0 ? implicit(2, Buffer.from(name, 'latin1')) : implicit(7, addressBytes(name)),
  )
  return extension(ids.subjectAltName, sequence(...entries))
}

function extension(id: string, value: Buffer, critical = false): Buffer {
  return sequence(oid(id), ...(critical ? [boolean(true)] : []), octetString(value))
}

/** 127 bits by chance (RFC 5280, section 4.1.2.2): not negative, never zero. */
function serialNumber(): Buffer {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40
  return bytes
}

function pem(label: string, bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}
