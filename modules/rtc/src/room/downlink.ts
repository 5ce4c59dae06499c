import type { PublicationSource } from '@parley/contracts'

/** What a downlink can reduce: a picture in several layers. */
export interface Reducible {
  readonly source: PublicationSource
  readonly active: boolean
  /** The layer that is sent; layers ascend in quality. */
  readonly layer: number | undefined
  /** Infinity: as large as it is wanted. */
  readonly highestLayer: number
  setHighestLayer(highest: number): void
}

/** Shares of packets lost, as receivers report them before repair. */
const badLoss = 0.12
const terribleLoss = 0.25
const fineLoss = 0.04
const firstPatienceMs = 8_000
const maxPatienceMs = 120_000

/**
 * Judges a subscriber's path by what it loses: sends fewer layers when much is lost, and tries one more when little is,
 * each time later when that went wrong. Cameras give way before a shared screen.
 */
export class Downlink {
  readonly #subscriptions: () => Iterable<Reducible>
  #bad = 0
  #patienceMs = firstPatienceMs
  #changedAt = Number.NEGATIVE_INFINITY
  #raisedAt = Number.NEGATIVE_INFINITY

  constructor(subscriptions: () => Iterable<Reducible>) {
    this.#subscriptions = subscriptions
  }

  /** Called at a steady pace. `loss` from 0 to 1, `nowMs` on a monotonic clock. */
  look(loss: number, nowMs: number): void {
    this.#bad = loss > badLoss ? this.#bad + (loss > terribleLoss ? 2 : 1) : 0
    if (this.#bad >= 2) this.#lower(nowMs)
    else if (loss < fineLoss && nowMs - this.#changedAt > this.#patienceMs) this.#raise(nowMs)
  }

  #lower(nowMs: number): void {
    this.#bad = 0
    const reducible = [...this.#subscriptions()].filter(({ active, layer }) => active && (layer ?? 0) > 0)
    const [first] = reducible.sort((a, b) => rank(a) - rank(b) || (b.layer ?? 0) - (a.layer ?? 0))
    if (first?.layer === undefined) return
    const failed = nowMs - this.#raisedAt < 2 * firstPatienceMs
    this.#patienceMs = failed ? Math.min(maxPatienceMs, this.#patienceMs * 2) : firstPatienceMs
    this.#changedAt = nowMs
    first.setHighestLayer(first.layer - 1)
  }

  #raise(nowMs: number): void {
    const reduced = [...this.#subscriptions()].filter(({ highestLayer }) => Number.isFinite(highestLayer))
    const [first] = reduced.sort((a, b) => rank(b) - rank(a) || a.highestLayer - b.highestLayer)
    if (first === undefined) return
    this.#changedAt = nowMs
    this.#raisedAt = nowMs
    // Eight layers are the most a publication has.
    first.setHighestLayer(first.highestLayer >= 7 ? Number.POSITIVE_INFINITY : first.highestLayer + 1)
  }
}

function rank({ source }: Reducible): number {
  return source === 'screen' ? 1 : 0
}
