import { SeededRandom } from './random.ts'

/** The Gilbert-Elliott model: two states, each with its own loss, changing before each packet. */
export type GilbertElliott = {
  /** Probability to go from the good state to the bad one, and back. */
  readonly toBad: number
  readonly toGood: number
  /** Loss within each state; by default nothing is lost in the good one and everything in the bad one. */
  readonly lossInGood?: number
  readonly lossInBad?: number
}

/** What one direction of a link does to packets. All is off unless given; probabilities are 0 to 1. */
export type Impairment = {
  /** Independent loss of each packet. */
  readonly loss?: number
  /** Loss in bursts; independent of `loss`, both apply. */
  readonly bursts?: GilbertElliott
  readonly delayMs?: number
  /** Added to the delay, uniform from 0 to this; packets keep their order. */
  readonly jitterMs?: number
  /** Share of packets that are held back by `reorderMs` (default 20) and overtaken by those behind them. */
  readonly reorder?: number
  readonly reorderMs?: number
  readonly duplicate?: number
  /** Kilobits a second the link carries. */
  readonly rateKbps?: number
  /** Bytes that wait for the link before the tail is dropped; default 64,000. Only with `rateKbps`. */
  readonly queueBytes?: number
}

/** What becomes of a packet. Delivery times are on the clock `decide` was given; more than one is a duplicate. */
export type Fate =
  | { readonly kind: 'delivered'; readonly atMs: readonly number[]; readonly reordered: boolean }
  | { readonly kind: 'dropped'; readonly reason: 'cut' | 'loss' | 'queue' }

/** Bursts of a mean length (packets) that lose a share of all packets. */
export function burstLoss(options: { readonly loss: number; readonly meanLength: number }): GilbertElliott {
  const toGood = 1 / options.meanLength
  return { toGood, toBad: (options.loss * toGood) / (1 - options.loss) }
}

const DEFAULT_QUEUE_BYTES = 64_000
const DEFAULT_REORDER_MS = 20

/**
 * Decides the fate of packets in one direction, on a clock the caller owns. Each packet takes the same number of
 * random draws whatever is switched on, so that a change in one respect leaves the other decisions as they were.
 */
export class ImpairmentModel {
  readonly #random: SeededRandom
  #impairment: Impairment
  #cut = false
  #bad = false
  #linkFreeMs = 0
  #lastDeliveryMs = 0

  constructor(impairment: Impairment, options: { readonly seed: number }) {
    this.#impairment = impairment
    this.#random = new SeededRandom(options.seed)
  }

  get impairment(): Impairment {
    return this.#impairment
  }

  /** Replaces the impairment for the packets to come; what is on its way stays as decided. */
  change(impairment: Impairment): void {
    this.#impairment = impairment
  }

  /** While cut, every packet is dropped. */
  setCut(cut: boolean): void {
    this.#cut = cut
  }

  decide(nowMs: number, bytes: number): Fate {
    const { loss = 0, bursts, delayMs = 0, jitterMs = 0, reorder = 0, duplicate = 0 } = this.#impairment
    const stateDraw = this.#random.next()
    const burstDraw = this.#random.next()
    const lossDraw = this.#random.next()
    const jitterDraw = this.#random.next()
    const reorderDraw = this.#random.next()
    const duplicateDraw = this.#random.next()

    if (this.#cut) return { kind: 'dropped', reason: 'cut' }
    const burstProbability = this.#advanceBursts(bursts, stateDraw)
    if (lossDraw < loss || burstDraw < burstProbability) return { kind: 'dropped', reason: 'loss' }

    const sentMs = this.#transmit(nowMs, bytes)
    if (sentMs === undefined) return { kind: 'dropped', reason: 'queue' }
    const reordered = reorderDraw < reorder
    let atMs = sentMs + delayMs + jitterMs * jitterDraw
    if (reordered) {
      atMs += this.#impairment.reorderMs ?? DEFAULT_REORDER_MS
    } else {
      atMs = Math.max(atMs, this.#lastDeliveryMs)
      this.#lastDeliveryMs = atMs
    }
    return { kind: 'delivered', atMs: duplicateDraw < duplicate ? [atMs, atMs] : [atMs], reordered }
  }

  #advanceBursts(bursts: GilbertElliott | undefined, draw: number): number {
    if (!bursts) {
      this.#bad = false
      return 0
    }
    if (draw < (this.#bad ? bursts.toGood : bursts.toBad)) this.#bad = !this.#bad
    return this.#bad ? (bursts.lossInBad ?? 1) : (bursts.lossInGood ?? 0)
  }

  /** When the last bit is on the link; undefined when the queue before it is full. */
  #transmit(nowMs: number, bytes: number): number | undefined {
    const { rateKbps, queueBytes = DEFAULT_QUEUE_BYTES } = this.#impairment
    if (rateKbps === undefined) {
      this.#linkFreeMs = nowMs
      return nowMs
    }
    const startMs = Math.max(nowMs, this.#linkFreeMs)
    const waitingBytes = ((startMs - nowMs) * rateKbps) / 8
    if (waitingBytes + bytes > queueBytes) return undefined
    this.#linkFreeMs = startMs + (bytes * 8) / rateKbps
    return this.#linkFreeMs
  }
}
