import { Host } from './host.ts'
import { loadFastpath } from './load.ts'
import type { NativeAddon, NativeEvent, NativeWorker } from './native.ts'
import type { WorkerOptions } from './options.ts'
import type { WorkerStats } from './stats.ts'

/**
 * One packet thread with its sockets: one UDP and one TCP port on every given address.
 * Keeps the process alive until closed. Owns its transports.
 */
export class FastpathWorker extends Host {
  readonly native: NativeWorker
  readonly addresses: readonly string[]
  readonly #stats = new Map<
    number,
    { resolve: (stats: WorkerStats) => void; reject: (error: Error) => void }
  >()
  readonly #ended: Promise<void>
  #markEnded: () => void = () => {}
  #closing = false
  #lastRequest = 0

  /** Use `createWorker`. @throws Error when no address can be bound. */
  constructor(addon: NativeAddon, options: WorkerOptions) {
    super()
    this.addresses = options.addresses
    this.#ended = new Promise((resolve) => {
      this.#markEnded = resolve
    })
    this.native = addon.createWorker(options, (events) => this.dispatch(events))
  }

  /** The one port of all sockets. */
  get port(): number {
    return this.native.port
  }

  /** A snapshot of all counters. Rejects once the worker closed. */
  stats(): Promise<WorkerStats> {
    if (this.#closing) return Promise.reject(new Error('the worker is closed'))
    this.#lastRequest += 1
    const request = this.#lastRequest
    return new Promise((resolve, reject) => {
      this.#stats.set(request, { resolve, reject })
      this.native.requestStats(request)
    })
  }

  /** Ends the thread and its sockets; resolves when they are gone. */
  close(): Promise<void> {
    if (!this.#closing) {
      this.#closing = true
      this.native.close()
    }
    return this.#ended
  }

  protected override handleOwn(event: NativeEvent): void {
    if (event.type === 'stats') {
      const request = event.request as number
      this.#stats.get(request)?.resolve(event.stats as WorkerStats)
      this.#stats.delete(request)
    } else if (event.type === 'worker.closed') {
      for (const waiting of this.#stats.values()) waiting.reject(new Error('the worker is closed'))
      this.#stats.clear()
      this.finishAll()
      this.emit('closed')
      this.removeAllListeners()
      this.#markEnded()
    } else super.handleOwn(event)
  }
}

/** Loads (building when needed) the addon and starts a worker. @throws FastpathUnavailableError */
export async function createWorker(
  options: WorkerOptions,
  log?: (line: string) => void,
): Promise<FastpathWorker> {
  return new FastpathWorker(await loadFastpath(log), options)
}
