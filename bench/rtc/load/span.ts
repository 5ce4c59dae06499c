import { setTimeout as sleep } from 'node:timers/promises'
import { monotonicMs } from '@parley/testing/packet-sink'
import { type ProcessGroup, type Usage, usageOf } from '../../chat/machine/processes.ts'

/** A stretch of the monotonic clock, the same for all processes. Milliseconds. */
export interface Span {
  fromMs: number
  toMs: number
}

/** Long enough for all processes to hear of a span before it begins. */
const noticeMs = 250

export function spanOf(seconds: number): Span {
  const fromMs = monotonicMs() + noticeMs
  return { fromMs, toMs: fromMs + seconds * 1000 }
}

/** Settles as soon after that moment as this process comes to it. */
export async function until(ms: number): Promise<void> {
  for (let left = ms - monotonicMs(); left > 0; left = ms - monotonicMs()) await sleep(left)
}

/** What these processes take in a span that is to come: processor time within it, memory at its end. */
export async function usageIn(span: Span, groups: ProcessGroup[]): Promise<Usage[]> {
  await until(span.fromMs)
  const before = usageOf(groups)
  await until(span.toMs)
  return usageOf(groups).map((usage, index) => ({
    ...usage,
    cpuSeconds: usage.cpuSeconds - (before[index]?.cpuSeconds ?? 0),
    systemSeconds: usage.systemSeconds - (before[index]?.systemSeconds ?? 0),
  }))
}
