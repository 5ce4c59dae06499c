import { sleep } from '@parley/core/kernel'
import type { Connection, Ending } from './connection.ts'

export interface SendAwayOptions {
  /** Time over which the connections are told. Milliseconds. */
  spreadMs: number
  /** How long a connection that was told may wait for answers to its frames. Milliseconds. */
  answersWithinMs: number
  /** Gives up; whoever aborts it ends the connections. */
  signal: AbortSignal
  /** Asked for each connection. */
  ending: () => Ending
}

const stepMs = 10

/** Tells one connection after the other to go, and ends each when the handlers of its frames have answered. */
export async function sendAway(connections: readonly Connection[], options: SendAwayOptions): Promise<void> {
  const { spreadMs, answersWithinMs, signal, ending } = options
  const startedMs = performance.now()
  const leaving = new Map<Connection, number>()
  let waiting = [...connections]
  while ((waiting.length > 0 || leaving.size > 0) && !signal.aborted) {
    // Those who went by themselves leave the rest no more time than before.
    waiting = waiting.filter((connection) => !connection.ended)
    const share = spreadMs === 0 ? 1 : Math.min(1, (performance.now() - startedMs) / spreadMs)
    const due = waiting.length - Math.floor(connections.length * (1 - share))
    for (const connection of waiting.splice(0, Math.max(0, due))) {
      connection.announce('unavailable', ending())
      leaving.set(connection, performance.now() + answersWithinMs)
    }
    for (const [connection, untilMs] of leaving) {
      if (connection.inFlight > 0 && performance.now() < untilMs && !connection.ended) continue
      connection.end('unavailable')
      leaving.delete(connection)
    }
    await sleep(stepMs, signal)
  }
}
