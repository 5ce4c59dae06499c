/** A steady rate with a burst, as the generic cell rate algorithm (ITU-T I.371) takes it. */
export interface MeterRate {
  /** Milliseconds that one unit takes. */
  readonly intervalMs: number
  /** How far ahead of the clock a meter may be. Milliseconds. */
  readonly windowMs: number
}

export function meterRate(perSecond: number, burst: number): MeterRate {
  const intervalMs = 1_000 / perSecond
  return { intervalMs, windowMs: Math.max(burst, 1) * intervalMs }
}

/** One number a connection, because there are many connections and most rest. */
export class Meter {
  #paidUntilMs = 0

  /** Takes `cost` units. Answers 0, or the milliseconds to wait when there are too few; then none is taken. */
  take(rate: MeterRate, nowMs: number, cost = 1): number {
    const paidUntilMs = Math.max(this.#paidUntilMs, nowMs) + cost * rate.intervalMs
    const excessMs = paidUntilMs - nowMs - rate.windowMs
    if (excessMs > 0.000_001) return Math.max(1, Math.ceil(excessMs))
    this.#paidUntilMs = paidUntilMs
    return 0
  }
}
