/** CLOCK_MONOTONIC, which all processes of a machine share. Milliseconds. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

/** What `performance.now()` of this process lacks to it; both are the same clock. */
const originMs = monotonicMs() - performance.now()

export const toMonotonicMs = (performanceMs: number): number => performanceMs + originMs

export const fromMonotonicMs = (ms: number): number => ms - originMs
