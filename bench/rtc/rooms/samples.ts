import type { DelayQuantiles } from '../load/generator.ts'

const kept = 30_000

/** Durations that travel between processes: an even choice of all of them, at most 30,000. Milliseconds. */
export class Samples {
  #values: number[] = []
  #every = 1
  #seen = 0

  record(ms: number): void {
    if (this.#seen++ % this.#every !== 0) return
    this.#values.push(ms)
    if (this.#values.length < kept) return
    this.#values = this.#values.filter((_, index) => index % 2 === 0)
    this.#every *= 2
  }

  take(): number[] {
    const values = this.#values
    this.#values = []
    this.#every = 1
    this.#seen = 0
    return values.map((ms) => Math.round(ms * 1000) / 1000)
  }
}

/** Of several processes together. */
export function quantilesOf(parts: readonly (readonly number[])[]): DelayQuantiles {
  const sorted = parts.flat().sort((a, b) => a - b)
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
  return { count: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: sorted.at(-1) ?? 0 }
}
