import type { Logger } from '@parley/core/kernel'
import type { ClaimedJob } from './job-queue.ts'
import type { JobDefinition } from './jobs.ts'

const defaultTimeoutMs = 300_000

/** One attempt at one job in this process. */
export class JobRun {
  readonly job: ClaimedJob
  /** On the monotonic clock: when the lease was last known to be ours. */
  leasedSinceMs = performance.now()
  /** Resolves when the outcome is stored. */
  ended: Promise<void> = Promise.resolve()
  readonly #definition: JobDefinition
  readonly #logger: Logger
  readonly #abort = new AbortController()

  constructor(job: ClaimedJob, definition: JobDefinition, logger: Logger) {
    this.job = job
    this.#definition = definition
    this.#logger = logger
  }

  abort(reason: string): void {
    this.#abort.abort(new Error(reason))
  }

  /** Resolves when the handler has ended, with what went wrong. Never before: one run at a time. */
  async run(): Promise<Error | undefined> {
    const { schema, handle, timeoutMs = defaultTimeoutMs } = this.#definition
    const { attempt, projectId, id, name } = this.job
    const timer = setTimeout(() => {
      this.#logger.warn({ job: id, name, timeoutMs }, 'a job takes longer than it may and is asked to stop')
      this.abort(`not done within ${timeoutMs} ms`)
    }, timeoutMs)
    try {
      const payload = schema ? schema.parse(this.job.payload) : this.job.payload
      await handle.call(this.#definition, payload, { signal: this.#abort.signal, attempt, projectId })
      return undefined
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error))
    } finally {
      clearTimeout(timer)
    }
  }
}
