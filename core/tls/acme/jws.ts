import { createHash, createHmac, createPublicKey, type KeyObject, sign } from 'node:crypto'

/** Flattened JSON serialization (RFC 7515, section 7.2.2). */
export interface Jws {
  protected: string
  payload: string
  signature: string
}

const base64url = (value: string | Buffer): string => Buffer.from(value).toString('base64url')

/** The public half of a P-256 key, its members in the order that the thumbprint wants (RFC 7638). */
export function publicJwk(key: KeyObject): { crv: string; kty: string; x: string; y: string } {
  const { crv = '', kty = '', x = '', y = '' } = createPublicKey(key).export({ format: 'jwk' })
  return { crv, kty, x, y }
}

/** RFC 7638, with SHA-256. */
export function thumbprint(key: KeyObject): string {
  return createHash('sha256')
    .update(JSON.stringify(publicJwk(key)))
    .digest('base64url')
}

/** Signed with ES256. An absent payload is the empty one of POST-as-GET (RFC 8555, section 6.3). */
export function signJws(key: KeyObject, header: Record<string, unknown>, payload?: unknown): Jws {
  const head = base64url(JSON.stringify({ alg: 'ES256', ...header }))
  const body = payload === undefined ? '' : base64url(JSON.stringify(payload))
  const signature = sign('sha256', Buffer.from(`${head}.${body}`), { key, dsaEncoding: 'ieee-p1363' })
  return { protected: head, payload: body, signature: base64url(signature) }
}

/** The binding to an account elsewhere (RFC 8555, section 7.3.4): HS256 over the account's public key. */
export function bindAccount(key: KeyObject, options: { keyId: string; hmacKey: Buffer; url: string }): Jws {
  const head = base64url(JSON.stringify({ alg: 'HS256', kid: options.keyId, url: options.url }))
  const body = base64url(JSON.stringify(publicJwk(key)))
  const signature = createHmac('sha256', options.hmacKey).update(`${head}.${body}`).digest('base64url')
  return { protected: head, payload: body, signature }
}
