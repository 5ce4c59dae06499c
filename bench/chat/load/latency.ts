const growth = Math.log(1.01)
const buckets = 2_200

/** Durations in milliseconds from 1 µs up, kept to one per cent. */
export class Latency {
  readonly #counts = new Uint32Array(buckets)
  count = 0
  maxMs = 0

  record(ms: number): void {
    const bucket = ms <= 0.001 ? 0 : Math.min(buckets - 1, Math.ceil(Math.log(ms * 1000) / growth))
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1
    this.count++
    if (ms > this.maxMs) this.maxMs = ms
  }

  /** The duration that this share (0 to 1) of the records does not exceed; 0 without records. */
  quantile(share: number): number {
    const wanted = Math.ceil(this.count * share)
    let seen = 0
    for (let bucket = 0; bucket < buckets; bucket++) {
      seen += this.#counts[bucket] ?? 0
      if (seen >= wanted && seen > 0) return Math.min(Math.exp(bucket * growth) / 1000, this.maxMs)
    }
    return this.maxMs
  }
}
