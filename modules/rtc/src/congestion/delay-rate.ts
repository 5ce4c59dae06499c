import type { PathUse } from './delay-trend.ts'

const backOff = 0.85
/** Where little is sent and no queue is this long, what arrives says nothing about what the path carries. */
const shortQueueMs = 15
/**
 * Near where the path was last full, the rate grows by a packet in this time; the same for all, so that a longer way is
 * no disadvantage.
 */
const stepMs = 200
/** A second, far from where the path was last full. */
const fastGrowth = 1.08
const packetBits = 1_200 * 8
/** The target runs ahead of what arrives by no more than this. */
const headroom = 1.5
const headroomBits = 10_000

/** What the throughput was when the path was last full: its mean and spread, in kilobits a second. */
class FullPath {
  #meanKbps: number | undefined
  /** Relative to the mean. */
  #variance = 0.4

  get known(): boolean {
    return this.#meanKbps !== undefined
  }

  add(bitrate: number): void {
    const kbps = bitrate / 1_000
    this.#meanKbps = this.#meanKbps === undefined ? kbps : 0.95 * this.#meanKbps + 0.05 * kbps
    const norm = Math.max(this.#meanKbps, 1)
    const spread = 0.95 * this.#variance + (0.05 * (this.#meanKbps - kbps) ** 2) / norm
    this.#variance = Math.min(2.5, Math.max(0.4, spread))
  }

  /** Whether a bitrate is above, below or about what the path carried when it was full. */
  compare(bitrate: number): 'below' | 'near' | 'above' {
    if (this.#meanKbps === undefined) return 'below'
    const deviation = 3 * Math.sqrt(this.#variance * this.#meanKbps)
    const kbps = bitrate / 1_000
    if (kbps > this.#meanKbps + deviation) return 'above'
    return kbps < this.#meanKbps - deviation ? 'below' : 'near'
  }

  forget(): void {
    this.#meanKbps = undefined
  }
}

export interface DelayRateInput {
  readonly use: PathUse
  readonly throughput: number | undefined
  readonly roundTripMs: number
  readonly nowMs: number
  /** The application sends less than it may: what arrives says nothing about the path. */
  readonly limitedByApplication: boolean
  /** How long a packet waits on the path now. */
  readonly queueMs: number
}

/**
 * The bitrate the delay allows: grows by a share a second far from where the path was last full and by single packets
 * near it, and falls under what arrives when queues fill (draft-ietf-rmcat-gcc-02, section 5.5).
 */
export class DelayRate {
  readonly #bounds: { min: number; max: number }
  readonly #fullPath = new FullPath()
  #bitrate: number
  #growing = false
  #changedAtMs: number | undefined
  #reducedAtMs = Number.NEGATIVE_INFINITY

  constructor(initial: number, bounds: { min: number; max: number }) {
    this.#bitrate = initial
    this.#bounds = bounds
  }

  get bitrate(): number {
    return this.#bitrate
  }

  /** A probe has shown what the path carries. */
  set(bitrate: number, nowMs: number): void {
    this.#bitrate = this.#clamp(bitrate)
    this.#changedAtMs = nowMs
  }

  update(input: DelayRateInput): number {
    const { use, nowMs } = input
    const elapsedMs = Math.min(1_000, nowMs - (this.#changedAtMs ?? nowMs))
    this.#changedAtMs = nowMs
    if (use === 'overused') this.#decrease(input)
    // While queues drain, the rate rests: growing now would fill them again.
    else if (use === 'underused') this.#growing = false
    else if (this.#growing) this.#increase(input, elapsedMs)
    else this.#growing = true
    return this.#bitrate
  }

  #increase({ throughput, limitedByApplication }: DelayRateInput, elapsedMs: number): void {
    if (throughput !== undefined && this.#fullPath.compare(throughput) === 'above') this.#fullPath.forget()
    const seconds = elapsedMs / 1_000
    const step = this.#fullPath.known
      ? (packetBits * elapsedMs) / stepMs
      : Math.max(1_000 * seconds, this.#bitrate * (fastGrowth ** seconds - 1))
    const ceiling =
      throughput === undefined || limitedByApplication
        ? this.#bitrate + (limitedByApplication ? 0 : step)
        : Math.max(this.#bitrate, headroom * throughput + headroomBits)
    this.#bitrate = this.#clamp(Math.min(this.#bitrate + step, ceiling))
  }

  #decrease(input: DelayRateInput): void {
    const { roundTripMs, nowMs } = input
    const throughput = this.#limitedAlone(input) ? undefined : input.throughput
    this.#growing = false
    // Once a round trip: before that, nothing of the last step can be seen.
    if (nowMs - this.#reducedAtMs < Math.min(200, Math.max(10, roundTripMs)) && !this.#isFarAbove(throughput))
      return
    this.#reducedAtMs = nowMs
    const lower = throughput === undefined ? this.#bitrate * backOff : throughput * backOff
    if (throughput !== undefined) {
      if (this.#fullPath.compare(throughput) === 'below') this.#fullPath.forget()
      this.#fullPath.add(throughput)
    }
    this.#bitrate = this.#clamp(Math.min(this.#bitrate, lower))
  }

  /** So little is sent that a path as full as it seems would be full of something else. */
  #limitedAlone({ limitedByApplication, queueMs, throughput = 0 }: DelayRateInput): boolean {
    return limitedByApplication && queueMs < shortQueueMs && this.#bitrate > throughput
  }

  #isFarAbove(throughput: number | undefined): boolean {
    return throughput !== undefined && this.#bitrate > 2 * throughput
  }

  #clamp(bitrate: number): number {
    return Math.min(this.#bounds.max, Math.max(this.#bounds.min, bitrate))
  }
}
