import type { Logger } from '@parley/core/kernel'
import type { BusHandler, BusMessage } from './bus.ts'

/** Who listens to what in this process. A handler that throws is logged and harms no other. */
export class Subscriptions {
  readonly #logger: Logger
  readonly #topics = new Map<string, Set<{ handler: BusHandler }>>()
  readonly #gaps = new Set<{ handler: () => void }>()

  constructor(logger: Logger) {
    this.#logger = logger
  }

  add(topic: string, handler: BusHandler): () => void {
    const entry = { handler }
    const entries = this.#topics.get(topic) ?? new Set()
    this.#topics.set(topic, entries.add(entry))
    return () => {
      entries.delete(entry)
      if (entries.size === 0 && this.#topics.get(topic) === entries) this.#topics.delete(topic)
    }
  }

  addGap(handler: () => void): () => void {
    const entry = { handler }
    this.#gaps.add(entry)
    return () => this.#gaps.delete(entry)
  }

  deliver([topic, payload = null]: BusMessage): void {
    for (const { handler } of [...(this.#topics.get(topic) ?? [])]) this.#run(topic, () => handler(payload))
  }

  gap(): void {
    for (const { handler } of [...this.#gaps]) this.#run('gap', handler)
  }

  clear(): void {
    this.#topics.clear()
    this.#gaps.clear()
  }

  #run(topic: string, task: () => void): void {
    try {
      task()
    } catch (error) {
      this.#logger.error({ error, topic }, 'a bus handler failed')
    }
  }
}
