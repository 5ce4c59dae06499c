import { Latency } from './latency.ts'
import type { LoadEvents } from './target.ts'

const growBy = 65_536

export interface MessageLogOptions {
  /** Connections that are to get each message. */
  receivers: number
  /** Called when a message was acknowledged and when it was refused. */
  onSettled?: () => void
  /** Called when every receiver has the message. */
  onComplete?: () => void
}

/** Counts what was sent, acknowledged and received, on one clock. */
export class MessageLog {
  readonly acks = new Latency()
  readonly deliveries = new Latency()
  readonly refusals = new Map<string, number>()
  sent = 0
  acknowledged = 0
  received = 0
  complete = 0
  /** Deliveries beyond one a receiver. */
  surplus = 0
  onSettled: () => void
  onComplete: () => void
  readonly #receivers: number
  readonly #base: number
  #sentAt = new Float64Array(growBy)
  #receivedOf = new Uint32Array(growBy)

  constructor({ receivers, onSettled, onComplete }: MessageLogOptions, base = nextBase) {
    this.#receivers = receivers
    this.#base = base
    this.onSettled = onSettled ?? (() => undefined)
    this.onComplete = onComplete ?? (() => undefined)
  }

  /** The number of the next message, whose time runs from now, or from when it should have been sent. */
  next(dueAt: number = performance.now()): number {
    const index = this.sent++
    if (index >= this.#sentAt.length) this.#grow()
    this.#sentAt[index] = dueAt
    nextBase = this.#base + this.sent
    return this.#base + index
  }

  get pending(): number {
    return this.sent - this.acknowledged - this.refused
  }

  get incomplete(): number {
    return this.sent - this.complete - this.refused
  }

  get refused(): number {
    let refused = 0
    for (const count of this.refusals.values()) refused += count
    return refused
  }

  get expected(): number {
    return (this.sent - this.refused) * this.#receivers
  }

  acked(number: number): void {
    const sentAt = this.#sentAt[number - this.#base]
    if (sentAt === undefined || number - this.#base >= this.sent) return
    this.acknowledged++
    this.acks.record(performance.now() - sentAt)
    this.onSettled()
  }

  get reasons(): string {
    return [...this.refusals].map(([why, count]) => `${count} x ${why}`).join(', ')
  }

  rejected(why: string): void {
    this.refusals.set(why, (this.refusals.get(why) ?? 0) + 1)
    this.onSettled()
  }

  delivered(number: number): void {
    const index = number - this.#base
    if (index < 0 || index >= this.sent) return
    this.received++
    this.deliveries.record(performance.now() - (this.#sentAt[index] ?? 0))
    const got = (this.#receivedOf[index] ?? 0) + 1
    this.#receivedOf[index] = got
    if (got === this.#receivers) {
      this.complete++
      this.onComplete()
    } else if (got > this.#receivers) this.surplus++
  }

  #grow(): void {
    const sentAt = new Float64Array(this.#sentAt.length * 2)
    sentAt.set(this.#sentAt)
    const receivedOf = new Uint32Array(sentAt.length)
    receivedOf.set(this.#receivedOf)
    this.#sentAt = sentAt
    this.#receivedOf = receivedOf
  }
}

/** Numbers are never used twice in a run, so that a late delivery is not taken for another message. */
let nextBase = 1

/** Connections outlive the phases of a workload: they report to whichever log is current. */
export class Stage implements LoadEvents {
  log: MessageLog
  lostUsers = 0

  constructor(log: MessageLog) {
    this.log = log
  }

  acked(number: number): void {
    this.log.acked(number)
  }

  rejected(why: string): void {
    this.log.rejected(why)
  }

  delivered(number: number): void {
    this.log.delivered(number)
  }

  lost(): void {
    this.lostUsers++
  }
}
