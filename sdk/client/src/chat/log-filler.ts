import type { HistoryPage } from '@parley/contracts'
import { asParleyError } from '../parley-error.ts'
import type { Arrival, ConversationLog } from './conversation-log.ts'

export interface LogFillerPorts {
  log: () => ConversationLog | undefined
  list: (range: { afterSeq: number; limit: number }) => Promise<HistoryPage>
  connected: () => boolean
  onReady: (arrivals: readonly Arrival[]) => void
  /** The gap up to `head` is too long to be worth filling. */
  onTooLong: (log: ConversationLog, head: number) => void
}

/** A gap of more entries is not filled; the conversation is read anew from its end. */
export const longestGap = 1_000
/** What the server answers at most in one page of history. */
export const mostPerPage = 200
/** Answers and events travel different ways, so what is missing is often only late. */
const lateMs = 150
const retryMs = 2_000

/** Fetches exactly what a log misses, page by page; retried while connected. */
export class LogFiller {
  readonly #ports: LogFillerPorts
  #timer: ReturnType<typeof setTimeout> | undefined
  #busy = false

  constructor(ports: LogFillerPorts) {
    this.#ports = ports
  }

  /** Fills the gap unless what is missing arrives in the next moment. */
  soon(delayMs = lateMs): void {
    if (this.#timer !== undefined || this.#busy || !this.#ports.connected()) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      void this.now()
    }, delayMs)
  }

  async now(): Promise<void> {
    const log = this.#ports.log()
    if (!log || this.#busy || !this.#ports.connected()) return
    this.#busy = true
    let again = false
    try {
      again = !(await this.#fill(log))
    } catch (error) {
      again = asParleyError(error, 'unreachable').retryable
    } finally {
      this.#busy = false
    }
    if (again) this.soon(retryMs)
  }

  close(): void {
    clearTimeout(this.#timer)
  }

  /** Answers whether nothing is missing any more. */
  async #fill(log: ConversationLog): Promise<boolean> {
    for (let missing = log.missing; missing && this.#ports.connected(); missing = log.missing) {
      const { afterSeq, count } = missing
      if (count > longestGap) {
        this.#ports.onTooLong(log, afterSeq + count)
        return true
      }
      const page = await this.#ports.list({ afterSeq, limit: Math.min(mostPerPage, count) })
      const first = page.items[0]?.seq ?? page.visibleFromSeq
      if (log.head === afterSeq && first > afterSeq + 1) this.#ports.onReady(log.skipTo(first - 1))
      for (const entry of page.items) this.#ports.onReady(log.receive({ entry }))
      // The process that answered may not see it yet.
      if (log.head === afterSeq) return false
    }
    return true
  }
}
