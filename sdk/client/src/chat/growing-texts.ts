import type { Message } from '@parley/contracts'

export interface GrowingTextsPorts {
  read: (messageId: string, offset: number) => Promise<{ state: string; text: string }>
  onGrown: (messageId: string, text: string) => void
}

/** Texts of messages that are being written, as far as they came. What was missed is asked for by offset. */
export class GrowingTexts {
  readonly #ports: GrowingTextsPorts
  readonly #texts = new Map<string, string>()
  readonly #asking = new Set<string>()

  constructor(ports: GrowingTextsPorts) {
    this.#ports = ports
  }

  at(messageId: string): string | undefined {
    return this.#texts.get(messageId)
  }

  /** Takes a piece; one that does not continue the text is answered by asking for what is missing. */
  take(messageId: string, offset: number, piece: string): void {
    const text = this.#texts.get(messageId) ?? ''
    if (offset > text.length) void this.#ask(messageId)
    else if (offset + piece.length > text.length) this.#grow(messageId, text.slice(0, offset) + piece)
  }

  /** Looks again at everything that is open, after a time without connection. */
  resume(): void {
    for (const messageId of this.#texts.keys()) void this.#ask(messageId)
  }

  /** Follows messages that are open, forgets those that are final. */
  see({ id, content }: Message): void {
    if (content.type !== 'stream') return
    if (content.state !== 'open') this.#texts.delete(id)
    else if (!this.#texts.has(id)) {
      this.#texts.set(id, '')
      void this.#ask(id)
    }
  }

  async #ask(messageId: string): Promise<void> {
    if (this.#asking.has(messageId)) return
    this.#asking.add(messageId)
    try {
      const from = this.#texts.get(messageId)?.length ?? 0
      const { state, text } = await this.#ports.read(messageId, from)
      const now = this.#texts.get(messageId) ?? ''
      if (state === 'open' && from + text.length > now.length)
        this.#grow(messageId, now.slice(0, from) + text)
    } catch {
      // The next piece, or the next connection, asks again.
    } finally {
      this.#asking.delete(messageId)
    }
  }

  #grow(messageId: string, text: string): void {
    this.#texts.set(messageId, text)
    this.#ports.onGrown(messageId, text)
  }
}
