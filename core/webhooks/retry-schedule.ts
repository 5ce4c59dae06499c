const secondMs = 1_000
const minuteMs = 60 * secondMs
const hourMs = 60 * minuteMs

/** Pause before each attempt, the first included, as Standard Webhooks recommends. Milliseconds. */
export const attemptPausesMs: readonly number[] = [
  0,
  5 * secondMs,
  5 * minuteMs,
  30 * minuteMs,
  2 * hourMs,
  5 * hourMs,
  10 * hourMs,
  14 * hourMs,
  20 * hourMs,
  24 * hourMs,
]

const longestMs = 24 * hourMs

/**
 * How long to wait after `attempts` failed attempts; undefined when that was the last. Up to a tenth is added by
 * chance, so that what failed together does not come back together. `retryAfterMs`, as the receiver asks for, may
 * lengthen it up to a day.
 */
export function pauseAfter(
  attempts: number,
  options: { scale: number; random: number; retryAfterMs?: number | undefined },
): number | undefined {
  const pauseMs = attemptPausesMs[attempts]
  if (pauseMs === undefined) return undefined
  const askedMs = Math.min(options.retryAfterMs ?? 0, longestMs)
  return Math.max(pauseMs, askedMs) * options.scale * (1 + options.random / 10)
}

/** Retry-After (RFC 9110, section 10.2.3): seconds or a date. Undefined when it is neither. */
export function parseRetryAfter(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined) return undefined
  if (/^\d{1,9}$/.test(value)) return Number(value) * secondMs
  const at = Date.parse(value)
  return Number.isNaN(at) ? undefined : Math.max(0, at - nowMs)
}
