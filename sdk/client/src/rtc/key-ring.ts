import { ParleyError } from '../parley-error.ts'
import { frameSealing } from './transform/frame-sealing.ts'
import type { KeyOrder } from './transform/transform-worker.ts'

export interface KeySlot {
  /** 0 to 15; 0 unless told. */
  index?: number
  /** Whose frames it is for; everybody's unless told. A key of somebody's own goes before the shared one. */
  userId?: string
}

interface HeldKey {
  userId: string | undefined
  index: number
  step: number
  raw: Uint8Array<ArrayBuffer>
  material: CryptoKey
}

const slots = 16
const mostSteps = 255
const leastKeyBytes = 16
/** Of PBKDF2 with SHA-256: about a third of a second here and for each guess of somebody else. */
const passphraseRounds = 600_000

/**
 * The keys of end-to-end encrypted rooms. The application brings them, over a way that the server cannot read; they
 * stay in this page. Rooms follow every change at once, and one ring may serve several rooms.
 */
export class KeyRing {
  readonly #sealing = frameSealing()
  readonly #keys = new Map<string, HeldKey>()
  readonly #followers = new Set<(order: KeyOrder) => void>()
  #current = 0
  #lastRatchet: Promise<void> = Promise.resolve()

  /** The slot whose key encrypts what this client sends. */
  get current(): number {
    return this.#current
  }

  /**
   * Sets a key, at least 16 bytes that nobody can guess; `step` says how often it was ratcheted before. What it
   * replaces still opens frames that were on their way. @throws ParleyError `invalid-request`
   */
  async setKey(
    key: Uint8Array,
    { index = 0, userId, step = 0 }: KeySlot & { step?: number } = {},
  ): Promise<void> {
    if (key.length < leastKeyBytes) throw refused(`A key has at least ${leastKeyBytes} bytes`)
    if (!Number.isInteger(step) || step < 0 || step > mostSteps) throw refused('A step is 0 to 255')
    requireSlot(index)
    const raw = Uint8Array.from(key)
    const material = await this.#sealing.importMaterial(raw)
    this.#hold({ userId, index, step, raw, material })
  }

  /** Sets the key that follows from a passphrase; `salt` is what keeps two rooms apart, such as the room's id. */
  async setPassphrase(passphrase: string, { salt, ...slot }: KeySlot & { salt: string }): Promise<void> {
    const encoder = new TextEncoder()
    const secret = await crypto.subtle.importKey('raw', encoder.encode(passphrase), 'PBKDF2', false, [
      'deriveBits',
    ])
    const bits = await crypto.subtle.deriveBits(
      {
        name: 'PBKDF2',
        hash: 'SHA-256',
        salt: encoder.encode(`parley e2ee ${salt}`),
        iterations: passphraseRounds,
      },
      secret,
      256,
    )
    await this.setKey(new Uint8Array(bits), slot)
  }

  /** The key as it is now, to be handed to somebody who comes in. */
  keyOf({ index = 0, userId }: KeySlot = {}): { key: Uint8Array; step: number } | undefined {
    const held = this.#keys.get(nameOf(index, userId))
    return held && { key: Uint8Array.from(held.raw), step: held.step }
  }

  removeKey({ index = 0, userId }: KeySlot = {}): void {
    if (this.#keys.delete(nameOf(index, userId))) {
      this.#tell({ type: 'key', userId, index, step: 0, material: undefined })
    }
  }

  /**
   * Turns a key into the next one, from which nobody gets back to it. Others follow by themselves when frames under
   * the next one come. @throws ParleyError `invalid-request` when there is no such key, or it was ratcheted 255 times
   */
  ratchet(slot: KeySlot = {}): Promise<void> {
    // Two at once would both turn the same key.
    const mine = this.#lastRatchet.then(() => this.#ratchet(slot))
    this.#lastRatchet = mine.catch(() => undefined)
    return mine
  }

  /** Encrypts with the key in another slot from now on. Set it with everybody before. */
  use(index: number): void {
    requireSlot(index)
    this.#current = index
    this.#tell({ type: 'use', index })
  }

  /** @internal Tells all there is and what changes; answers how to end it. */
  follow(follower: (order: KeyOrder) => void): () => void {
    for (const { userId, index, step, material } of this.#keys.values()) {
      follower({ type: 'key', userId, index, step, material })
    }
    follower({ type: 'use', index: this.#current })
    this.#followers.add(follower)
    return () => this.#followers.delete(follower)
  }

  async #ratchet({ index = 0, userId }: KeySlot): Promise<void> {
    const held = this.#keys.get(nameOf(index, userId))
    if (held === undefined) throw refused('There is no such key')
    if (held.step >= mostSteps) throw refused('This key was ratcheted 255 times: set a new one')
    const raw = new Uint8Array(await this.#sealing.ratchet(held.material))
    await this.setKey(raw, { index, ...(userId !== undefined && { userId }), step: held.step + 1 })
  }

  #hold(key: HeldKey): void {
    this.#keys.set(nameOf(key.index, key.userId), key)
    const { userId, index, step, material } = key
    this.#tell({ type: 'key', userId, index, step, material })
  }

  #tell(order: KeyOrder): void {
    for (const follower of this.#followers) follower(order)
  }
}

function nameOf(index: number, userId = ''): string {
  return `${index} ${userId}`
}

function requireSlot(index: number): void {
  if (!Number.isInteger(index) || index < 0 || index >= slots) throw refused(`A slot is 0 to ${slots - 1}`)
}

function refused(reason: string): ParleyError {
  return new ParleyError('invalid-request', reason)
}
