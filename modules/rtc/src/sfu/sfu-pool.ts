import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { AppError } from '@parley/contracts'
import { type Closable, type Logger, sleep } from '@parley/core/kernel'
import { ensureFastpath } from '@parley/fastpath'
import type { MediaAddresses } from './addresses.ts'
import { MediaWorker } from './media-worker.ts'
import { WorkerLegs } from './worker-leg.ts'

export interface SfuPoolOptions {
  size: number
  /** Of the first worker; 0 picks free ones. */
  port: number
  addresses: MediaAddresses
  logger: Logger
  /** Silence after which a peer is dropped; 30 s when absent. */
  consentMs?: number
  /** The bundled worker program; that of the build when absent. */
  entry?: string
  /** A worker that carries this much takes no further participants of a room that may go elsewhere. */
  spread: number
  /** A worker whose packet thread is silent for so long is taken for dead. */
  silenceMs: number
  /** The same for its JavaScript thread. */
  scriptSilenceMs: number
  /** A worker whose packet thread is busy for more than this share of the time takes no newcomers. */
  full: number
}

/** Packets of one frame come within this time, and leave in fewer system calls together. */
const frameHoldMs = 1
const firstBackoffMs = 100
const maxBackoffMs = 10_000
/** A worker that ran this long starts again without waiting for what came before. */
const stableMs = 30_000
const waitForWorkerMs = 5_000
const waitForCapacityMs = 3_000
/** As often as a worker tells how busy it is. */
const capacityLookMs = 250
const retryFullAfterMs = 10_000

/**
 * The media worker processes of this server. A worker that ends is started again, with growing pauses while it keeps
 * ending; what it carried is lost, its owners hear it from their transports and make it anew on another. Without the
 * native packet path the pool stays empty and says why.
 */
export class SfuPool implements Closable {
  readonly addresses: MediaAddresses
  /** Between the workers, for rooms that span several. */
  readonly legs = new WorkerLegs()
  readonly #options: SfuPoolOptions
  readonly #workers: (MediaWorker | undefined)[]
  readonly #stop = new AbortController()
  readonly #waiting = new Set<() => void>()
  #missing: AppError | undefined
  #supervising: Promise<unknown> = Promise.resolve()
  #restarts = 0
  #refusals = 0
  #starting = true

  constructor(options: SfuPoolOptions) {
    this.#options = options
    this.addresses = options.addresses
    this.#workers = Array.from({ length: options.size })
  }

  /** Begins to run the workers; does not wait for them. */
  start(): void {
    this.#supervising = this.#run()
  }

  get workers(): readonly MediaWorker[] {
    return this.#workers.flatMap((worker) => (worker?.running ? [worker] : []))
  }

  get size(): number {
    return this.#options.size
  }

  /** True until the first worker runs, or none could start. */
  get starting(): boolean {
    return this.#starting
  }

  get restarts(): number {
    return this.#restarts
  }

  /** Newcomers for whom no worker had room. */
  get refusals(): number {
    return this.#refusals
  }

  /** Why there will be no worker, if so. */
  get missing(): AppError | undefined {
    return this.#missing
  }

  /**
   * The least loaded worker, waiting a while for one that is just starting.
   * @throws AppError `not-implemented` without the packet path, `unavailable` when no worker runs.
   */
  async leastLoaded(): Promise<MediaWorker> {
    const deadline = performance.now() + waitForWorkerMs
    for (;;) {
      if (this.#missing) throw this.#missing
      const least = leastLoaded(this.workers)
      if (least) return least
      const restMs = deadline - performance.now()
      if (restMs <= 0 || this.#stop.signal.aborted) {
        throw noWorker()
      }
      await this.#change(restMs)
    }
  }

  /**
   * Resolves when a worker takes newcomers, which it may do again soon: many who come at once make it busy for a moment.
   * @throws AppError `not-implemented`, `unavailable` as `leastLoaded`; `overloaded` when all stay full
   */
  async capacity(): Promise<void> {
    const deadline = performance.now() + waitForCapacityMs
    while (!this.#withCapacity().length) {
      await this.leastLoaded()
      if (this.#withCapacity().length) return
      if (performance.now() >= deadline || this.#stop.signal.aborted) throw this.#refuse()
      await this.#change(capacityLookMs)
    }
  }

  /**
   * A worker for one more participant of a room whose media is in `present` so far: one of those while it has room,
   * else the least loaded of all. Full ones are left out, except for who was placed before and lost its worker.
   * @throws AppError `unavailable` when no worker runs, `overloaded` when all are full
   */
  place(present: Iterable<MediaWorker>, { newcomer }: { newcomer: boolean }): MediaWorker {
    const { spread } = this.#options
    const open = this.#withCapacity()
    const roomy = [...present].filter((worker) => open.includes(worker) && worker.load < spread)
    const chosen = leastLoaded(roomy) ?? leastLoaded(open)
    if (chosen !== undefined) return chosen
    const any = leastLoaded(this.workers)
    if (any === undefined) throw noWorker()
    if (newcomer) throw this.#refuse()
    return any
  }

  async close(): Promise<void> {
    this.#stop.abort()
    this.#wake()
    await Promise.all(this.workers.map((worker) => worker.close()))
    await this.#supervising
  }

  async #run(): Promise<void> {
    const { logger } = this.#options
    const program = await findProgram(this.#options.entry, (line) => logger.info(line)).catch(
      (error: unknown) => ({
        unavailable: String(error),
        mend: 'npm run build',
      }),
    )
    if ('unavailable' in program) {
      const { unavailable, mend } = program
      this.#missing = new AppError(
        'not-implemented',
        `Audio and video are off: ${unavailable}. Mend: ${mend}`,
      )
      this.#starting = false
      logger.warn({ reason: unavailable, mend }, 'audio and video are off')
      this.#wake()
      return
    }
    await Promise.all(this.#workers.map((_, index) => this.#supervise(index, program)))
  }

  async #supervise(index: number, program: { entry: string; addonPath: string }): Promise<void> {
    const { logger, port, consentMs, silenceMs, scriptSilenceMs } = this.#options
    const { signal } = this.#stop
    let backoffMs = firstBackoffMs
    while (!signal.aborted) {
      const startedAt = performance.now()
      try {
        const worker = await MediaWorker.start({
          ...program,
          ...{ index, silenceMs, scriptSilenceMs },
          worker: {
            addresses: this.addresses.local,
            frameHoldMs,
            port: port === 0 ? 0 : port + index,
            ...(consentMs !== undefined && { consentTimeoutMs: consentMs }),
          },
        })
        await this.#host(worker, signal)
        const { silent } = worker
        if (!signal.aborted)
          logger.error({ worker: index, silent }, 'a media worker ended; its participants move')
      } catch (error) {
        logger.error({ worker: index, error }, 'a media worker could not start')
      }
      this.#starting = false
      if (signal.aborted) return
      this.#restarts++
      backoffMs =
        performance.now() - startedAt > stableMs ? firstBackoffMs : Math.min(maxBackoffMs, backoffMs * 2)
      await sleep(backoffMs, signal)
    }
  }

  /** Resolves when the worker has ended. */
  async #host(worker: MediaWorker, signal: AbortSignal): Promise<void> {
    const ended = new Promise<void>((resolve) => worker.once('closed', () => resolve()))
    worker.on('command.failed', (failure) =>
      this.#options.logger.error({ worker: worker.index, ...failure }, 'the packet path refused a command'),
    )
    if (signal.aborted) return worker.close()
    this.#workers[worker.index] = worker
    this.#starting = false
    this.#options.logger.info(
      { worker: worker.index, port: worker.port, pid: worker.pid },
      'media worker ready',
    )
    this.#wake()
    await ended
    this.#workers[worker.index] = undefined
  }

  /** Those that carry one more without harm to whom they carry already. */
  #withCapacity(): MediaWorker[] {
    return this.workers.filter(({ busy, late }) => busy <= this.#options.full && !late)
  }

  #refuse(): AppError {
    this.#refusals++
    return new AppError('overloaded', 'All media workers are full', { retryAfterMs: retryFullAfterMs })
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake()
  }

  #change(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer)
        this.#waiting.delete(done)
        resolve()
      }
      const timer = setTimeout(done, timeoutMs)
      this.#waiting.add(done)
    })
  }
}

function leastLoaded(workers: readonly MediaWorker[]): MediaWorker | undefined {
  const [first, ...others] = workers
  return first && others.reduce((least, worker) => (worker.load < least.load ? worker : least), first)
}

function noWorker(): AppError {
  return new AppError('unavailable', 'No media worker runs now', { retryAfterMs: 1_000 })
}

type Program = { entry: string; addonPath: string } | { unavailable: string; mend: string }

async function findProgram(given: string | undefined, log: (line: string) => void): Promise<Program> {
  // Bundled into the server, this module is elsewhere: the workspace knows where the package is.
  const folder = dirname(createRequire(import.meta.url).resolve('@parley/rtc/package.json'))
  const entry = given ?? join(folder, 'dist', 'sfu.js')
  if (!existsSync(entry)) return { unavailable: 'the media worker is not built', mend: 'npm run build' }
  const built = await ensureFastpath({ log })
  return 'unavailable' in built ? built : { entry, addonPath: built.path }
}
