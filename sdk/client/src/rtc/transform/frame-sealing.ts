/** A key of the ring as the worker holds it. */
export interface SealingKey {
  /** 0 to 15. */
  index: number
  /** How often it was ratcheted since it was made. */
  step: number
  /** For HKDF; cannot be read. */
  material: CryptoKey
  /** What it replaced: frames that were on their way then are opened by it. */
  previous?: SealingKey | undefined
}

/** Why a frame is not let through. */
export type SealingFault = 'missing-key' | 'failed' | 'repeated'

export interface Sealer {
  /** Encrypts all but the first `clearBytes`. No two frames of a sealer ever use the same key and nonce. */
  seal(frame: ArrayBuffer, clearBytes: number, key: SealingKey): Promise<ArrayBuffer>
}

export interface Opener {
  open(
    frame: ArrayBuffer,
    keyOf: (index: number) => SealingKey | undefined,
  ): Promise<ArrayBuffer | SealingFault>
}

export interface FrameSealing {
  newSealer(): Sealer
  /** One for everything that one sender sends. */
  newOpener(): Opener
  ratchet(material: CryptoKey): Promise<ArrayBuffer>
  /** Reads `raw` as the material of a key. */
  importMaterial(raw: BufferSource): Promise<CryptoKey>
}

/**
 * SFrame (RFC 9605) with AES_128_GCM_SHA256_128 around a prefix that stays readable. A frame is
 * `clear prefix | SFrame header | ciphertext and tag | length of the prefix (1 byte)`; the prefix is the metadata of the
 * SFrame and so authenticated. A key id is `1 | 51 random bits of the sender | 4 bits index | 8 bits ratchet step`.
 *
 * It stands alone: its text is given to a worker, so it uses nothing from outside of itself but what every worker has.
 */
export function frameSealing(): FrameSealing {
  const cipherSuite = 4
  const keyBits = 128
  const nonceBytes = 12
  const tagBytes = 16
  const keyIdBytes = 8
  /** So far ahead of the last known one the step of a frame may be. */
  const mostRatchets = 16
  /** Counters that are remembered, so that nobody can play a frame twice. */
  const remembered = 1_024
  /** Derived keys that a sender may use at once: those of frames on their way count, too. */
  const mostDerived = 8
  const encoder = new TextEncoder()
  const none = new Uint8Array(0)

  interface Derived {
    key: CryptoKey
    salt: Uint8Array
  }

  interface Header {
    keyId: Uint8Array
    counter: number
    /** Of the header. */
    size: number
  }

  const expand = (material: CryptoKey, info: Uint8Array<ArrayBuffer>, bits: number) =>
    crypto.subtle.deriveBits({ name: 'HKDF', hash: 'SHA-256', salt: none, info }, material, bits)

  /** RFC 9605, section 4.4.2. */
  const derive = async (material: CryptoKey, keyId: Uint8Array): Promise<Derived> => {
    const label = (text: string) =>
      Uint8Array.from([...encoder.encode(`SFrame 1.0 Secret ${text} `), ...keyId, 0, cipherSuite])
    const raw = await expand(material, label('key'), keyBits)
    const salt = await expand(material, label('salt'), nonceBytes * 8)
    const key = await crypto.subtle.importKey('raw', raw, 'AES-GCM', false, ['encrypt', 'decrypt'])
    return { key, salt: new Uint8Array(salt) }
  }

  const importMaterial = (raw: BufferSource) =>
    crypto.subtle.importKey('raw', raw, 'HKDF', false, ['deriveBits'])

  /** RFC 9605, section 5.1. */
  const ratchet = (material: CryptoKey) => expand(material, encoder.encode('SFrame 1.0 Ratchet'), 256)

  const bigEndian = (value: number): number[] => {
    const bytes: number[] = []
    for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256)
    return bytes
  }

  const nonceOf = (salt: Uint8Array, counter: number): Uint8Array<ArrayBuffer> => {
    const nonce = Uint8Array.from(salt)
    const bytes = bigEndian(counter)
    for (const [index, byte] of bytes.entries()) {
      const at = nonceBytes - bytes.length + index
      nonce[at] = (nonce[at] ?? 0) ^ byte
    }
    return nonce
  }

  /** RFC 9605, section 4.3: key ids have eight bytes here, counters as many as they need. */
  const headerOf = (keyId: Uint8Array, counter: number): number[] => {
    const bytes = counter < 8 ? [] : bigEndian(counter)
    const counted = bytes.length === 0 ? counter : 0x08 | (bytes.length - 1)
    return [0x80 | ((keyIdBytes - 1) << 4) | counted, ...keyId, ...bytes]
  }

  const readHeader = (bytes: Uint8Array): Header | undefined => {
    const config = bytes[0]
    if (config === undefined || config >> 4 !== 0x0f) return undefined
    const counterBytes = (config & 0x08) === 0 ? 0 : (config & 0x07) + 1
    const size = 1 + keyIdBytes + counterBytes
    if (bytes.length < size) return undefined
    let counter = counterBytes === 0 ? config & 0x07 : 0
    for (const byte of bytes.subarray(1 + keyIdBytes, size)) counter = counter * 256 + byte
    if (!Number.isSafeInteger(counter)) return undefined
    return { keyId: bytes.slice(1, 1 + keyIdBytes), counter, size }
  }

  const joined = (...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array<ArrayBuffer> => {
    const whole = new Uint8Array(parts.reduce((total, { length }) => total + length, 0))
    let at = 0
    for (const part of parts) {
      whole.set(part, at)
      at += part.length
    }
    return whole
  }

  const newSealer = (): Sealer => {
    // Whoever comes back under the same key has other key ids, so that its counters may begin again.
    const sender = crypto.getRandomValues(new Uint8Array(keyIdBytes))
    const derived = new WeakMap<SealingKey, { keyId: Uint8Array; made: Promise<Derived> }>()
    let counter = 0
    const derivedOf = (key: SealingKey) => {
      const known = derived.get(key)
      if (known !== undefined) return known
      const keyId = Uint8Array.from(sender)
      keyId[0] = 0x80 | (keyId[0] ?? 0)
      keyId[6] = ((keyId[6] ?? 0) & 0xf0) | key.index
      keyId[7] = key.step
      const entry = { keyId, made: derive(key.material, keyId) }
      derived.set(key, entry)
      return entry
    }
    return {
      seal: async (frame, clearBytes, key) => {
        const mine = counter++
        const { keyId, made } = derivedOf(key)
        const bytes = new Uint8Array(frame)
        const clear = bytes.subarray(0, clearBytes)
        const header = headerOf(keyId, mine)
        const { key: cipher, salt } = await made
        const sealed = await crypto.subtle.encrypt(
          { name: 'AES-GCM', iv: nonceOf(salt, mine), additionalData: joined(header, clear) },
          cipher,
          bytes.subarray(clearBytes),
        )
        return joined(clear, header, new Uint8Array(sealed), [clear.length]).buffer
      },
    }
  }

  const newOpener = (): Opener => {
    /** By index: how far this sender has ratcheted a key. */
    const chains = new Map<number, { from: SealingKey; material: CryptoKey; step: number }>()
    const derived = new Map<string, { from: SealingKey; made: Derived; counters: number[]; newest: number }>()

    const reach = async (from: SealingKey, step: number) => {
      const known = chains.get(from.index)
      const chain = known?.from === from && known.step <= step ? known : { from, ...from }
      if (step < chain.step || step > chain.step + mostRatchets) return undefined
      let { material } = chain
      for (let at = chain.step; at < step; at++) material = await importMaterial(await ratchet(material))
      return { from, material, step }
    }

    const decrypt = async (made: Derived, { counter, size }: Header, clear: Uint8Array, body: Uint8Array) => {
      const algorithm = {
        name: 'AES-GCM',
        iv: nonceOf(made.salt, counter),
        additionalData: joined(body.subarray(0, size), clear),
      }
      const content = joined(body.subarray(size))
      return crypto.subtle.decrypt(algorithm, made.key, content).catch(() => undefined)
    }

    const openWith = async (
      from: SealingKey,
      header: Header,
      clear: Uint8Array,
      body: Uint8Array,
    ): Promise<ArrayBuffer | SealingFault> => {
      const { keyId, counter } = header
      const name = keyId.join()
      let entry = derived.get(name)
      let reached: Awaited<ReturnType<typeof reach>>
      if (entry?.from !== from) {
        reached = await reach(from, keyId[7] ?? 0)
        if (reached === undefined) return 'failed'
        entry = { from, made: await derive(reached.material, keyId), counters: [], newest: -1 }
      }
      const isOld = counter <= entry.newest - remembered
      if (isOld || entry.counters[counter % remembered] === counter) return 'repeated'
      const content = await decrypt(entry.made, header, clear, body)
      if (content === undefined) return 'failed'
      // Only what is authentic moves anything forward.
      entry.counters[counter % remembered] = counter
      entry.newest = Math.max(entry.newest, counter)
      if (reached !== undefined) {
        chains.set(from.index, reached)
        derived.delete(name)
        derived.set(name, entry)
        const [oldest] = derived.keys()
        if (derived.size > mostDerived && oldest !== undefined) derived.delete(oldest)
      }
      return joined(clear, new Uint8Array(content)).buffer
    }

    return {
      open: async (frame, keyOf) => {
        const bytes = new Uint8Array(frame)
        const clearBytes = bytes[bytes.length - 1] ?? 0
        const body = bytes.subarray(clearBytes, Math.max(clearBytes, bytes.length - 1))
        const header = readHeader(body)
        if (header === undefined || body.length < header.size + tagBytes) return 'failed'
        const clear = bytes.subarray(0, clearBytes)
        let outcome: ArrayBuffer | SealingFault = 'missing-key'
        for (let key = keyOf((header.keyId[6] ?? 0) & 0x0f); key !== undefined; key = key.previous) {
          outcome = await openWith(key, header, clear, body)
          if (outcome !== 'failed') return outcome
        }
        return outcome
      },
    }
  }

  return { newSealer, newOpener, ratchet, importMaterial }
}
