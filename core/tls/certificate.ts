import { createPrivateKey, generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'

/** A certificate with those that vouch for it, and its private key. PEM. */
export interface KeyedCertificate {
  certificate: string
  key: string
}

/** What a certificate says about itself. */
export interface CertificateFacts {
  /** Host names and IP addresses it is good for. */
  names: readonly string[]
  notBefore: Date
  notAfter: Date
  /** SHA-256 over the certificate, as browsers show it: `AB:CD:...`. */
  fingerprint: string
}

/** Why a certificate cannot be served. */
export class CertificateError extends Error {
  override readonly name = 'CertificateError'
}

/** What the first certificate of a PEM says. Throws a CertificateError when there is none. */
export function certificateFacts(certificate: string): CertificateFacts {
  const parsed = parse(certificate)
  const names = (parsed.subjectAltName ?? '').split(', ').flatMap((entry) => {
    const [kind, name] = [entry.slice(0, entry.indexOf(':')), entry.slice(entry.indexOf(':') + 1)]
    if (kind === 'DNS') return [name]
    return kind === 'IP Address' ? [plainAddress(name)] : []
  })
  return {
    names,
    notBefore: new Date(parsed.validFrom),
    notAfter: new Date(parsed.validTo),
    fingerprint: parsed.fingerprint256,
  }
}

/** Throws a CertificateError unless a server can use it: readable, and the key is that of the certificate. */
export function checkCertificate({ certificate, key }: KeyedCertificate): CertificateFacts {
  const facts = certificateFacts(certificate)
  const privateKey = readKey(key)
  if (!parse(certificate).checkPrivateKey(privateKey)) {
    throw new CertificateError('the private key is not that of the certificate')
  }
  try {
    createSecureContext({ cert: certificate, key })
  } catch (cause) {
    throw new CertificateError('the certificate chain cannot be used', { cause })
  }
  return facts
}

/** When to get the next one: after two thirds of its life. */
export function renewalTime({ notBefore, notAfter }: CertificateFacts): Date {
  const lifeMs = notAfter.getTime() - notBefore.getTime()
  return new Date(notBefore.getTime() + (lifeMs * 2) / 3)
}

/** A new ECDSA P-256 key. */
export function newKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey
}

export function keyToPem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString()
}

/** Throws a CertificateError when the text is no private key. */
export function readKey(pem: string): KeyObject {
  try {
    return createPrivateKey(pem)
  } catch (cause) {
    throw new CertificateError('the private key is not readable PEM, or wants a passphrase', { cause })
  }
}

function parse(certificate: string): X509Certificate {
  try {
    return new X509Certificate(certificate)
  } catch (cause) {
    throw new CertificateError('the certificate is not readable PEM', { cause })
  }
}

/** One spelling for each address: X.509 shows IPv6 without `::`. */
export function plainAddress(address: string): string {
  if (!address.includes(':')) return address
  return new URL(`http://[${address.replace(/%.*$/, '')}]/`).hostname.slice(1, -1)
}
