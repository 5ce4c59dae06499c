import type { Logger } from '@parley/core/kernel'
import { type Bus, type BusHandler, type BusMessage, type Json, toMessage } from './bus.ts'
import { Subscriptions } from './subscriptions.ts'

/** The bus of a single process. */
export class InProcessBus implements Bus {
  readonly #subscriptions: Subscriptions
  #queued: BusMessage[] = []
  #closed = false

  constructor(options: { logger: Logger }) {
    this.#subscriptions = new Subscriptions(options.logger)
  }

  publish(topic: string, payload: Json): void {
    if (this.#closed) return
    this.#queued.push(toMessage(topic, payload).message)
    if (this.#queued.length === 1) setImmediate(() => this.#deliver())
  }

  subscribe(topic: string, handler: BusHandler): () => void {
    return this.#subscriptions.add(topic, handler)
  }

  onGap(handler: () => void): () => void {
    return this.#subscriptions.addGap(handler)
  }

  close(): void {
    this.#closed = true
    this.#queued = []
    this.#subscriptions.clear()
  }

  #deliver(): void {
    const messages = this.#queued
    this.#queued = []
    for (const message of messages) this.#subscriptions.deliver(message)
  }
}
