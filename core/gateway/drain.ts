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
  let told = 0
  while ((told < connections.length || leaving.size > 0) && !signal.aborted) {
    const share = spreadMs === 0 ? 1 : Math.min(1, (performance.now() - startedMs) / spreadMs)
    for (const connection of connections.slice(told, Math.ceil(connections.length * share))) {
      connection.announce('unavailable', ending())
      leaving.set(connection, performance.now() + answersWithinMs)
      told++
    }
    for (const [connection, untilMs] of leaving) {
      if (connection.inFlight > 0 && performance.now() < untilMs && !connection.ended) continue
      connection.end('unavailable')
      leaving.delete(connection)
    }
    await sleep(stepMs, signal)
  }
}
