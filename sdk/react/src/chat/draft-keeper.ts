import type { Conversation } from '@parley/client'

const restMs = 600

/**
 * Keeps what is being written: at once in this browser, so that a reload finds it, and on the server as soon as the
 * writer rests, for the other devices. Drafts in threads stay in this browser.
 */
export class DraftKeeper {
  readonly #conversation: Conversation
  readonly #key: string
  readonly #shared: boolean
  #timer: ReturnType<typeof setTimeout> | undefined
  #pending: string | undefined

  constructor(conversation: Conversation, userId: string, threadRootId: string | undefined) {
    this.#conversation = conversation
    this.#shared = threadRootId === undefined
    this.#key = `parley draft ${userId} ${conversation.id}${threadRootId ? ` ${threadRootId}` : ''}`
  }

  get text(): string {
    return read(this.#key) ?? (this.#shared ? this.#conversation.view?.draft?.text : undefined) ?? ''
  }

  open(): void {
    window.addEventListener('pagehide', this.#flush)
  }

  keep(text: string): void {
    write(this.#key, text)
    if (!this.#shared) return
    this.#pending = text
    clearTimeout(this.#timer)
    this.#timer = setTimeout(this.#flush, restMs)
  }

  close(): void {
    window.removeEventListener('pagehide', this.#flush)
    this.#flush()
  }

  readonly #flush = (): void => {
    clearTimeout(this.#timer)
    const text = this.#pending
    this.#pending = undefined
    const conversation = this.#conversation
    if (text === undefined || !conversation.view || conversation.ended) return
    if (text === (conversation.view.draft?.text ?? '')) return
    conversation.saveDraft(text.slice(0, 8_000)).catch(() => undefined) // This browser still has it.
  }
}

function read(key: string): string | null {
  try {
    return localStorage.getItem(key)
  } catch {
    return null // Private windows may refuse; the server has what was kept there.
  }
}

function write(key: string, text: string): void {
  try {
    if (text === '') localStorage.removeItem(key)
    else localStorage.setItem(key, text)
  } catch {
    // As above.
  }
}
