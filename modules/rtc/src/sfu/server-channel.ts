import type { NativeEvent } from '@parley/fastpath'
import type { FromWorker, PathFacts } from './messages.ts'

/** Hands a message on, calls back once it has left; answers false when so much waits already that more is unwise. */
export type SendToServer = (message: FromWorker, left: () => void) => boolean

/**
 * The way from a media worker to its server. While the server does not read, what the next moment replaces does not
 * pile up: of the facts of a path the newest wait, levels of sound are left out.
 */
export class ServerChannel {
  readonly #send: SendToServer
  readonly #waiting = new Map<number, PathFacts>()
  #full = false
  #sent = 0

  constructor(send: SendToServer) {
    this.#send = send
  }

  tell(message: FromWorker): void {
    this.#sent += 1
    const order = this.#sent
    const left = (): void => {
      if (order === this.#sent) this.#allLeft()
    }
    if (!this.#send(message, left)) this.#full = true
  }

  tellEvents(events: readonly NativeEvent[]): void {
    const kept = this.#full ? events.filter(({ type }) => type !== 'levels.measured') : [...events]
    if (kept.length > 0) this.tell({ type: 'events', events: kept })
  }

  tellPaths(facts: PathFacts[]): void {
    if (!this.#full) this.tell({ type: 'paths', facts })
    else for (const one of facts) this.#waiting.set(one.transport, one)
  }

  #allLeft(): void {
    if (!this.#full) return
    this.#full = false
    const facts = [...this.#waiting.values()]
    this.#waiting.clear()
    if (facts.length > 0) this.tell({ type: 'paths', facts })
  }
}
