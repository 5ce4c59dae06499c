import { createECDH, createPrivateKey, type KeyObject } from 'node:crypto'
import { BoundedCache } from '../bounded-cache.ts'
import { signJwt } from '../signed-jwt.ts'

/** Keys by which a push service knows the application server (RFC 8292), base64url. */
export interface VapidKeys {
  /** P-256 point, uncompressed. */
  publicKey: string
  /** 32 bytes. */
  privateKey: string
}

/** RFC 8292 allows 24 hours; a token is used for half of its life. */
const lifeMs = 12 * 3_600_000

export function newVapidKeys(): VapidKeys {
  const pair = createECDH('prime256v1')
  const publicKey = pair.generateKeys().toString('base64url')
  return { publicKey, privateKey: padded(pair.getPrivateKey()).toString('base64url') }
}

/** Whether the private key belongs to the public one. */
export function vapidKeysFit({ publicKey, privateKey }: VapidKeys): boolean {
  try {
    const pair = createECDH('prime256v1')
    pair.setPrivateKey(Buffer.from(privateKey, 'base64url'))
    return pair.getPublicKey().equals(Buffer.from(publicKey, 'base64url'))
  } catch {
    return false
  }
}

/** Makes the Authorization of push requests; tokens are kept by key and push service. */
export class VapidSigner {
  readonly #tokens = new BoundedCache<string>(1_000)

  authorization(keys: VapidKeys, subject: string, audience: string, nowMs = Date.now()): string {
    const cacheKey = `${keys.publicKey} ${subject} ${audience}`
    let token = this.#tokens.get(cacheKey, nowMs)
    if (token === undefined) {
      const exp = Math.floor((nowMs + lifeMs) / 1_000)
      token = signJwt('ES256', privateKeyOf(keys), { aud: audience, exp, sub: subject })
      this.#tokens.set(cacheKey, token, nowMs + lifeMs / 2)
    }
    return `vapid t=${token}, k=${keys.publicKey.replace(/=+$/, '')}`
  }
}

function privateKeyOf({ publicKey, privateKey }: VapidKeys): KeyObject {
  const point = Buffer.from(publicKey, 'base64url')
  return createPrivateKey({
    format: 'jwk',
    key: {
      ...{ kty: 'EC', crv: 'P-256', d: padded(Buffer.from(privateKey, 'base64url')).toString('base64url') },
      x: point.subarray(1, 33).toString('base64url'),
      y: point.subarray(33).toString('base64url'),
    },
  })
}

/** Leading zeros are part of the key. */
const padded = (key: Buffer): Buffer => Buffer.concat([Buffer.alloc(Math.max(0, 32 - key.length)), key])
