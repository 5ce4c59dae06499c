import { setMaxListeners } from 'node:events'
import type { Logger } from './logger.ts'

export interface Closable {
  close(): Promise<void> | void
}

/**
 * A lifetime. Whatever a part starts (children, timers, background loops, sockets) it owns through its scope;
 * `close()` ends them in reverse order of making and is idempotent. A failing close is logged and does not keep
 * the others open.
 */
export class Scope implements Closable {
  readonly name: string
  readonly #logger: Logger
  readonly #owned: { name: string; close: () => Promise<void> | void }[] = []
  readonly #abort = new AbortController()
  #closing: Promise<void> | undefined

  constructor(name: string, logger: Logger) {
    this.name = name
    this.#logger = logger
    // Every part of the scope may listen for its end; how many there are says nothing about a leak.
    setMaxListeners(0, this.#abort.signal)
  }

  /** Aborts when the scope begins to close. */
  get signal(): AbortSignal {
    return this.#abort.signal
  }

  get closed(): boolean {
    return this.#closing !== undefined
  }

  child(name: string): Scope {
    return this.own(`${this.name}/${name}`, new Scope(`${this.name}/${name}`, this.#logger))
  }

  /** Takes ownership: the thing is closed with the scope. */
  own<T extends Closable>(name: string, thing: T): T {
    this.onClose(name, () => thing.close())
    return thing
  }

  onClose(name: string, close: () => Promise<void> | void): void {
    if (this.closed) throw new Error(`scope ${this.name} is closed; ${name} came too late`)
    this.#owned.push({ name, close })
  }

  /** Runs `task` every `ms` after the last run ended, until the scope closes. Errors are logged, the next run comes. */
  every(name: string, ms: number, task: () => Promise<void> | void): void {
    this.loop(name, async (signal) => {
      while (!signal.aborted) {
        await sleep(ms, signal)
        if (signal.aborted) return
        try {
          await task()
        } catch (error) {
          this.#logger.error({ error, task: name }, 'a periodic task failed')
        }
      }
    })
  }

  /** Starts a background loop that must end soon after its signal aborts; close waits for it. */
  loop(name: string, run: (signal: AbortSignal) => Promise<void>): void {
    const running = run(this.#abort.signal).catch((error: unknown) => {
      if (!this.closed) this.#logger.error({ error, task: name }, 'a background loop ended with an error')
    })
    this.onClose(name, () => running)
  }

  close(): Promise<void> {
    this.#closing ??= this.#closeAll()
    return this.#closing
  }

  async #closeAll(): Promise<void> {
    this.#abort.abort()
    for (const { name, close } of this.#owned.reverse()) {
      try {
        await close()
      } catch (error) {
        this.#logger.error({ error, part: name, scope: this.name }, 'a part failed to close')
      }
    }
  }
}

/** Resolves after `ms`, or as soon as the signal aborts. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve()
    const timer = setTimeout(finish, ms)
    function finish(): void {
      clearTimeout(timer)
      signal?.removeEventListener('abort', finish)
      resolve()
    }
    signal?.addEventListener('abort', finish)
  })
}
