import type { Message, SendAnswer } from '@parley/contracts'
import { ParleyError } from '../parley-error.ts'
import type { SendResult } from './conversation-types.ts'
import type { OutboxItem } from './outbox.ts'

export interface PendingSendsPorts {
  userId: string
  /** The stored message in memory. */
  at: (seq: number) => Message | undefined
  /** Entries up to here came or were passed over; undefined before anything is known. */
  head: () => number | undefined
  find: (clientMessageId: string) => Promise<Message>
}

interface Waiter {
  resolve: (message: Message) => void
  reject: (error: unknown) => void
}

/** Own messages between the acknowledgement of the server and their place among the entries. */
export class PendingSends {
  readonly #ports: PendingSendsPorts
  /** Acknowledged, not yet among the entries. */
  readonly #settling = new Map<string, { item: OutboxItem; seq: number }>()
  readonly #awaited = new Map<number, Waiter[]>()
  #closed = false

  constructor(ports: PendingSendsPorts) {
    this.#ports = ports
  }

  get settling(): OutboxItem[] {
    return [...this.#settling.values()].map(({ item }) => item)
  }

  /** Makes of an acknowledgement the message that was stored. */
  stored(clientMessageId: string, acked: Promise<SendAnswer>): SendResult {
    const stored = acked.then(({ seq }) => this.#message(clientMessageId, seq))
    stored.catch(() => undefined)
    return Object.assign(stored, { clientMessageId })
  }

  handleAcked(item: OutboxItem, seq: number): void {
    this.#settling.set(item.clientMessageId, { item, seq })
  }

  handleEntry(entry: Message): void {
    if (entry.clientMessageId && entry.senderId === this.#ports.userId)
      this.#settling.delete(entry.clientMessageId)
    for (const { resolve } of this.#take(entry.seq)) resolve(entry)
  }

  /** Entries up to `head` will not come any more: whoever waits for one is answered by the server. */
  handlePassedOver(head: number): void {
    for (const [clientMessageId, { seq }] of this.#settling) {
      if (seq > head) continue
      this.#settling.delete(clientMessageId)
      const waiting = this.#take(seq)
      if (waiting.length === 0) continue
      this.#ports.find(clientMessageId).then(
        (message) => {
          for (const { resolve } of waiting) resolve(message)
        },
        (error: unknown) => {
          for (const { reject } of waiting) reject(error)
        },
      )
    }
  }

  close(): void {
    this.#closed = true
    for (const seq of [...this.#awaited.keys()]) {
      for (const { reject } of this.#take(seq)) reject(ParleyError.closed())
    }
  }

  #message(clientMessageId: string, seq: number): Promise<Message> | Message {
    const message = this.#ports.at(seq)
    if (message) return message
    const head = this.#ports.head()
    if (head !== undefined && seq <= head) return this.#ports.find(clientMessageId)
    if (this.#closed) throw ParleyError.closed()
    return new Promise<Message>((resolve, reject) => {
      this.#awaited.set(seq, [...(this.#awaited.get(seq) ?? []), { resolve, reject }])
    })
  }

  #take(seq: number): Waiter[] {
    const waiting = this.#awaited.get(seq) ?? []
    this.#awaited.delete(seq)
    return waiting
  }
}
