import { createHash, createHmac } from 'node:crypto'

/** The TLS 1.2 pseudorandom function with SHA-256 (RFC 5246 section 5). */
export function prf(secret: Uint8Array, label: string, seed: Uint8Array, length: number): Buffer {
  const labelled = Buffer.concat([Buffer.from(label), seed])
  const blocks: Buffer[] = []
  let chain: Buffer = labelled
  for (let produced = 0; produced < length; produced += 32) {
    chain = createHmac('sha256', secret).update(chain).digest()
    blocks.push(createHmac('sha256', secret).update(chain).update(labelled).digest())
  }
  return Buffer.concat(blocks).subarray(0, length)
}

export function sha256(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

export type WriteKeys = { readonly key: Buffer; readonly iv: Buffer }

/** Keys of both sides for AES-128-GCM records (RFC 5288): no MAC keys, four bytes of implicit nonce. */
export function recordKeys(
  master: Uint8Array,
  clientRandom: Uint8Array,
  serverRandom: Uint8Array,
): { readonly client: WriteKeys; readonly server: WriteKeys } {
  const block = prf(master, 'key expansion', Buffer.concat([serverRandom, clientRandom]), 40)
  return {
    client: { key: block.subarray(0, 16), iv: block.subarray(32, 36) },
    server: { key: block.subarray(16, 32), iv: block.subarray(36, 40) },
  }
}
