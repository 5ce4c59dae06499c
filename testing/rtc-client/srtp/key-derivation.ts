import { createCipheriv } from 'node:crypto'
import type { SrtpMasterKey, SrtpProfile } from '../dtls/index.ts'

/** Session keys of one direction (RFC 3711 section 4.3). */
export type SrtpSessionKeys = { readonly rtp: StreamKeys; readonly rtcp: StreamKeys }

export type StreamKeys = {
  readonly key: Buffer
  readonly salt: Buffer
  /** HMAC key; empty with AEAD. */
  readonly authentication: Buffer
}

const AUTHENTICATION_KEY_LENGTH = 20

export function deriveSessionKeys(profile: SrtpProfile, master: SrtpMasterKey): SrtpSessionKeys {
  const aead = profile === 'AEAD_AES_128_GCM'
  const derive = (label: number, length: number) => deriveKey(master, label, length)
  const stream = (firstLabel: number): StreamKeys => ({
    key: derive(firstLabel, 16),
    authentication: aead ? Buffer.alloc(0) : derive(firstLabel + 1, AUTHENTICATION_KEY_LENGTH),
    salt: derive(firstLabel + 2, aead ? 12 : 14),
  })
  return { rtp: stream(0), rtcp: stream(3) }
}

/** A 96-bit salt is padded on its right (RFC 7714 section 11). */
function deriveKey(master: SrtpMasterKey, label: number, length: number): Buffer {
  const counter = Buffer.alloc(16)
  master.salt.copy(counter)
  counter[7] = (counter[7] ?? 0) ^ label
  return createCipheriv('aes-128-ctr', master.key, counter).update(Buffer.alloc(length))
}
