import { createHash, createPublicKey, type KeyObject, randomBytes, sign, verify } from 'node:crypto'
import { newKey } from '../certificate.ts'
import {
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
} from '../der.ts'

/** A certificate authority of a test. */
export interface TestAuthority {
  name: Buffer
  key: KeyObject
  /** PEM, for whoever trusts it. */
  certificate: string
}

const ecdsaWithSha256 = sequence(oid('1.2.840.10045.4.3.2'))

export function newAuthority(commonName: string): TestAuthority {
  const key = newKey()
  const name = sequence(set(sequence(oid('2.5.4.3'), utf8String(commonName))))
  const publicKey = createPublicKey(key).export({ type: 'spki', format: 'der' })
  const constraints = octetString(sequence(boolean(true)))
  const certificate = certificateOf({
    ...{ issuer: name, subject: name, publicKey, signer: key },
    ...{ notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 86_400_000) },
    extensions: [
      sequence(oid('2.5.29.19'), boolean(true), constraints),
      sequence(oid('2.5.29.15'), boolean(true), octetString(bitString(Buffer.of(0x06), 1))),
      sequence(oid('2.5.29.14'), octetString(octetString(keyId(publicKey)))),
    ],
  })
  return { name, key, certificate }
}

/** PEM of a certificate for these host names. */
export function issueFor(
  authority: TestAuthority,
  options: { names: readonly string[]; publicKey: Buffer; lifeMs: number; notBefore?: Date },
): string {
  const { names, publicKey, lifeMs, notBefore = new Date(Date.now() - 1_000) } = options
  const alternative = sequence(...names.map((name) => implicit(2, Buffer.from(name))))
  const authorityKey = createPublicKey(authority.key).export({ type: 'spki', format: 'der' })
  return certificateOf({
    ...{ issuer: authority.name, subject: sequence(), publicKey, signer: authority.key },
    ...{ notBefore, notAfter: new Date(notBefore.getTime() + lifeMs) },
    extensions: [
      sequence(oid('2.5.29.17'), boolean(true), octetString(alternative)),
      sequence(oid('2.5.29.35'), octetString(sequence(implicit(0, keyId(authorityKey))))),
      sequence(oid('2.5.29.37'), octetString(sequence(oid('1.3.6.1.5.5.7.3.1')))),
    ],
  })
}

/** What a PKCS #10 request asks for, read with a decoder of its own. Throws on what is not strict DER of that shape. */
export function readSigningRequest(bytes: Buffer): { names: string[]; publicKey: Buffer; verified: boolean } {
  const whole = read(bytes)
  if (whole.tag !== 0x30 || whole.end !== bytes.length) throw new Error('not one sequence')
  const [info, algorithm, signature, ...more] = children(whole)
  if (!info || !algorithm || signature?.tag !== 0x03 || more.length > 0) throw new Error('not a request')
  if (!algorithm.raw.equals(ecdsaWithSha256)) throw new Error('not ecdsa-with-SHA256')
  const [version, subject, publicKey, attributes] = children(info)
  if (!version?.raw.equals(Buffer.of(2, 1, 0)) || subject?.tag !== 0x30) throw new Error('not version 1')
  if (!publicKey || attributes?.tag !== 0xa0) throw new Error('no attributes')
  const [request] = children(attributes)
  const [type, values] = request ? children(request) : []
  if (!type?.raw.equals(oid('1.2.840.113549.1.9.14'))) throw new Error('not an extension request')
  const [extensions] = values ? children(values) : []
  const names = (extensions ? children(extensions) : []).flatMap((extension) => {
    const [id, value] = children(extension)
    if (!id?.raw.equals(oid('2.5.29.17')) || !value) return []
    return children(read(value.body)).map((name) => {
      if (name.tag !== 0x82) throw new Error('not a DNS name')
      return name.body.toString('latin1')
    })
  })
  const key = createPublicKey({ key: publicKey.raw, format: 'der', type: 'spki' })
  const verified = verify('sha256', info.raw, key, signature.body.subarray(1))
  return { names, publicKey: publicKey.raw, verified }
}

interface Element {
  tag: number
  body: Buffer
  raw: Buffer
  end: number
}

function read(bytes: Buffer, from = 0): Element {
  const tag = bytes[from] ?? 0
  let length = bytes[from + 1] ?? 0
  let start = from + 2
  if (length >= 0x80) {
    const count = length & 0x7f
    length = bytes.readUIntBE(start, count)
    if (length < 0x80) throw new Error('a length that is not the shortest')
    start += count
  }
  const end = start + length
  if (end > bytes.length) throw new Error('cut off')
  return { tag, body: bytes.subarray(start, end), raw: bytes.subarray(from, end), end }
}

function children({ body }: Element): Element[] {
  const found: Element[] = []
  for (let at = 0; at < body.length; ) {
    const element = read(body, at)
    found.push(element)
    at = element.end
  }
  return found
}

function certificateOf(options: {
  issuer: Buffer
  subject: Buffer
  publicKey: Buffer
  signer: KeyObject
  notBefore: Date
  notAfter: Date
  extensions: Buffer[]
}): string {
  const { issuer, subject, publicKey, signer, notBefore, notAfter, extensions } = options
  const serial = randomBytes(8)
  serial[0] = 0x41
  const body = sequence(
    ...[tagged(0, integer(2)), integer(serial), ecdsaWithSha256, issuer],
    ...[sequence(time(notBefore), time(notAfter)), subject, publicKey, tagged(3, sequence(...extensions))],
  )
  const bytes = sequence(body, ecdsaWithSha256, bitString(sign('sha256', body, signer)))
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}

function keyId(publicKey: Buffer): Buffer {
  return createHash('sha1').update(publicKey).digest()
}
