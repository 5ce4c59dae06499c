import type { EnqueueOptions } from '@parley/core/jobs'
import type { Database } from '@parley/core/store'

export const callJob = 'enterprise-call'

/** One job a queue waits at a time, and never two run. */
export function callJobOf(projectId: string, queue: string, runAt?: Date): EnqueueOptions {
  const uniqueKey = `enterprise-call/${projectId}/${queue}`
  return { name: callJob, projectId, payload: { queue }, uniqueKey, ...(runAt !== undefined && { runAt }) }
}

export interface WaitingCall {
  place: string
  botId: string | undefined
  messageId: string
  clickId: string | undefined
}

const longestPauseMs = 60_000

/** Calls that wait, in queues: those of one queue go out in order. */
export class CallQueues {
  readonly #database: Database
  readonly #maxAttempts: number

  constructor({ database, maxAttempts }: { database: Database; maxAttempts: number }) {
    this.#database = database
    this.#maxAttempts = maxAttempts
  }

  /**
   * Makes the calls of a queue, each until it worked or was given up. Answers when to come again, in milliseconds,
   * where one cannot be made now.
   */
  async run(
    projectId: string,
    queue: string,
    signal: AbortSignal,
    make: (call: WaitingCall) => Promise<void>,
  ): Promise<number | undefined> {
    for (;;) {
      signal.throwIfAborted()
      const call = await this.#next(projectId, queue)
      if (call === undefined) return undefined
      try {
        await make(call)
      } catch {
        signal.throwIfAborted()
        const pauseMs = await this.#countFailure(projectId, queue, call.place)
        if (pauseMs !== undefined) return pauseMs
        continue
      }
      await this.#database.project(projectId).query({
        text: 'delete from enterprise.calls where project_id = $1 and queue = $2 and place = $3',
        values: [projectId, queue, call.place],
      })
    }
  }

  async #next(projectId: string, queue: string): Promise<WaitingCall | undefined> {
    const { rows } = await this.#database.project(projectId).query<{
      place: string
      bot_id: string | null
      message_id: string
      click_id: string | null
    }>({
      name: 'enterprise-next-call',
      text: `select place, bot_id, message_id, click_id from enterprise.calls
        where project_id = $1 and queue = $2 and failed_at is null order by place limit 1`,
      values: [projectId, queue],
    })
    const [row] = rows
    if (row === undefined) return undefined
    const { place, message_id: messageId } = row
    return { place, messageId, botId: row.bot_id ?? undefined, clickId: row.click_id ?? undefined }
  }

  /** The pause before the next attempt, in milliseconds; undefined once the call is given up. */
  async #countFailure(projectId: string, queue: string, place: string): Promise<number | undefined> {
    const { rows } = await this.#database.project(projectId).query<{ attempts: number; failed: boolean }>({
      text: `update enterprise.calls set attempts = attempts + 1,
          failed_at = case when attempts + 1 >= $4 then now() end
        where project_id = $1 and queue = $2 and place = $3
        returning attempts, failed_at is not null as failed`,
      values: [projectId, queue, place, this.#maxAttempts],
    })
    const [row] = rows
    if (row === undefined || row.failed) return undefined
    return Math.min(longestPauseMs, 250 * 2 ** row.attempts)
  }
}
