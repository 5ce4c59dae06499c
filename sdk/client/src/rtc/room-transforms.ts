import { ParleyError } from '../parley-error.ts'
import type { KeyRing } from './key-ring.ts'
import { MediaTransforms } from './transform/media-transforms.ts'

/** What a room does with encoded frames: redundancy of sound, or end-to-end encryption. It owns the worker it starts. */
export class RoomTransforms {
  readonly #deepRedundancy: boolean
  /** Begun with the first sound, or with the keys. */
  #started: Promise<MediaTransforms | undefined> | undefined
  #sealing: MediaTransforms | undefined

  constructor(options: { deepRedundancy: boolean }) {
    this.#deepRedundancy = options.deepRedundancy
  }

  /** Of an end-to-end encrypted room, from before the first join on. */
  get sealing(): MediaTransforms | undefined {
    return this.#sealing
  }

  /** Rejects with `media-unsupported` where a page cannot change encoded frames. */
  async seal(keys: KeyRing, userId: string): Promise<void> {
    this.#started = MediaTransforms.start()
    this.#sealing = await this.#started
    if (this.#sealing === undefined) {
      throw new ParleyError('media-unsupported', 'This page cannot encrypt media end to end')
    }
    this.#sealing.useKeys(keys, userId)
  }

  /** For redundancy; undefined where it is switched off or the page cannot. */
  async start(): Promise<MediaTransforms | undefined> {
    if (!this.#deepRedundancy) return undefined
    this.#started ??= MediaTransforms.start()
    return this.#started
  }

  close(): void {
    void this.#started?.then((transforms) => transforms?.close())
  }
}
