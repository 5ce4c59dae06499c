import { type KeyObject, sign } from 'node:crypto'

/**
 * A JWT in compact form (RFC 7519, RFC 7515). ES256 takes a P-256 key and signs as r and s of 32 bytes each
 * (RFC 7518, section 3.4); RS256 takes an RSA key.
 */
export function signJwt(
  algorithm: 'ES256' | 'RS256',
  key: KeyObject,
  claims: Readonly<Record<string, unknown>>,
  header: Readonly<Record<string, unknown>> = {},
): string {
  const head = encode({ alg: algorithm, typ: 'JWT', ...header })
  const signed = `${head}.${encode(claims)}`
  const how = algorithm === 'ES256' ? { key, dsaEncoding: 'ieee-p1363' as const } : { key }
  return `${signed}.${sign('sha256', Buffer.from(signed), how).toString('base64url')}`
}

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
