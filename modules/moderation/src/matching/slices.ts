import { setImmediate as turn } from 'node:timers/promises'

const sliceMs = 5

/** Runs stepwise work to its end, a few milliseconds at a time, others in between. */
export async function inSlices<T>(work: Generator<void, T>, signal?: AbortSignal): Promise<T> {
  for (let untilMs = performance.now() + sliceMs; ; ) {
    const step = work.next()
    if (step.done) return step.value
    if (performance.now() < untilMs) continue
    signal?.throwIfAborted()
    await turn()
    untilMs = performance.now() + sliceMs
  }
}

/** Runs stepwise work to its end at once. */
export function finish<T>(work: Generator<void, T>): T {
  for (;;) {
    const step = work.next()
    if (step.done) return step.value
  }
}
