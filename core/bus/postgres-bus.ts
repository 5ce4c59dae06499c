import { randomUUID } from 'node:crypto'
import type { Logger } from '@parley/core/kernel'
import type { Database, NotificationListener } from '@parley/core/store'
import { type Bus, type BusHandler, type BusMessage, busPayloadLimit, type Json, toMessage } from './bus.ts'
import { Subscriptions } from './subscriptions.ts'

/** What travels in one NOTIFY: the sender, how often it had to give messages up, and a batch of messages. */
type Envelope = [sender: string, gap: 0 | 1, messages: BusMessage[]]

const channel = 'parley_bus'
const maxQueued = 10_000

/**
 * The bus of several processes on one database, by LISTEN/NOTIFY. What is published while a NOTIFY is on its way
 * goes into the next one, equal bare wake-ups once. When more is queued than can be sent, the queue is dropped and
 * the others are told of a gap instead.
 */
export class PostgresBus implements Bus {
  readonly #listener: NotificationListener
  readonly #logger: Logger
  readonly #subscriptions: Subscriptions
  readonly #sender = randomUUID()
  #local: BusMessage[] = []
  #outgoing: { message: BusMessage; bytes: number }[] = []
  #bareTopics = new Set<string>()
  #gap = false
  #sending: Promise<void> | undefined
  #closing: Promise<void> | undefined

  private constructor(listener: NotificationListener, logger: Logger) {
    this.#listener = listener
    this.#logger = logger
    this.#subscriptions = new Subscriptions(logger)
  }

  /** Resolves when the process hears the others. The caller closes the bus before the database. */
  static async open(options: { database: Database; logger: Logger }): Promise<PostgresBus> {
    const listener = await options.database.listener()
    const bus = new PostgresBus(listener, options.logger)
    listener.onReconnect(() => bus.#subscriptions.gap())
    await listener.listen(channel, (payload) => bus.#receive(payload))
    return bus
  }

  publish(topic: string, payload: Json): void {
    if (this.#closing) return
    const { message, bytes } = toMessage(topic, payload)
    this.#local.push(message)
    if (this.#local.length === 1) setImmediate(() => this.#deliverLocal())
    if (message.length === 1) {
      if (this.#bareTopics.has(topic)) return
      this.#bareTopics.add(topic)
    }
    this.#outgoing.push({ message, bytes })
    if (this.#outgoing.length > maxQueued) this.#giveUp()
    this.#sending ??= this.#send()
  }

  subscribe(topic: string, handler: BusHandler): () => void {
    return this.#subscriptions.add(topic, handler)
  }

  onGap(handler: () => void): () => void {
    return this.#subscriptions.addGap(handler)
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      this.#local = []
      this.#subscriptions.clear()
      await this.#sending
      await this.#listener.close()
    })()
    return this.#closing
  }

  #deliverLocal(): void {
    const messages = this.#local
    this.#local = []
    for (const message of messages) this.#subscriptions.deliver(message)
  }

  #receive(payload: string): void {
    const [sender, gap, messages] = JSON.parse(payload) as Envelope
    if (sender === this.#sender || this.#closing) return
    for (const message of messages) this.#subscriptions.deliver(message)
    if (gap === 1) this.#subscriptions.gap()
  }

  /** Sends until nothing is queued; begins after the present turn, so that what is published together goes together. */
  async #send(): Promise<void> {
    await new Promise(setImmediate)
    while (this.#outgoing.length > 0 || this.#gap) {
      const envelope: Envelope = [this.#sender, this.#gap ? 1 : 0, this.#takeBatch()]
      this.#gap = false
      try {
        await this.#listener.notify(channel, JSON.stringify(envelope))
      } catch (error) {
        this.#giveUp()
        this.#logger.warn({ error }, 'wake-ups could not be sent')
        break
      }
    }
    this.#sending = undefined
  }

  #takeBatch(): BusMessage[] {
    const batch: BusMessage[] = []
    let bytes = 0
    for (const entry of this.#outgoing) {
      bytes += entry.bytes + 1
      if (batch.length > 0 && bytes > busPayloadLimit) break
      batch.push(entry.message)
      if (entry.message.length === 1) this.#bareTopics.delete(entry.message[0])
    }
    this.#outgoing.splice(0, batch.length)
    return batch
  }

  /** The others learn of the gap with the next message that gets through. */
  #giveUp(): void {
    this.#outgoing = []
    this.#bareTopics.clear()
    this.#gap = true
  }
}
