import type { WebhookAttempt } from '@parley/contracts'
import { Wake } from '@parley/core/bus'
import { type Logger, type Scope, sleep } from '@parley/core/kernel'
import { signWebhook } from '@parley/protocols/standard-webhooks'
import type { ClaimedQueue, DeliveryQueues, WaitingDelivery } from './delivery-queues.ts'
import type { EndpointCache } from './endpoint-cache.ts'
import type { EndpointStore, Target } from './endpoint-store.ts'
import type { OutgoingAnswer, OutgoingCalls } from './outgoing-calls.ts'
import { ForbiddenPlaceError } from './outgoing-guard.ts'
import { parseRetryAfter, pauseAfter } from './retry-schedule.ts'

export interface DispatcherTimes {
  timeoutMs: number
  /** Longer than an attempt may take; a process that died loses its queues after this. */
  leaseMs: number
  /** Without a wake-up, the queues are looked at after this. */
  rereadMs: number
  /** How long closing waits for attempts that are under way. */
  drainMs: number
  retryScale: number
}

export interface DispatcherOptions {
  queues: DeliveryQueues
  endpoints: EndpointStore
  cache: EndpointCache
  calls: OutgoingCalls
  logger: Logger
  scope: Scope
  times: DispatcherTimes
  concurrency: number
  perEndpoint: number
  onAttempt?: (outcome: 'delivered' | 'failed' | 'dead' | 'gone') => void
}

type Outcome =
  | { kind: 'delivered'; attempt: WebhookAttempt }
  | { kind: 'gone'; attempt: WebhookAttempt }
  | { kind: 'failed'; attempt: WebhookAttempt; retryAfterMs: number | undefined }

const headLimit = 32
/** After so many a queue goes to the end of the line, so that a deep one lets others through. */
const turn = 128
const excerptBytes = 1_024
const gonePauseMs = 1_000

/** Sends what waits: one delivery of a queue at a time, many queues beside each other. */
export class Dispatcher {
  readonly #options: DispatcherOptions
  readonly #wake = new Wake()
  readonly #running = new Map<Promise<void>, string>()
  readonly #abort = new AbortController()

  constructor(options: DispatcherOptions) {
    this.#options = options
    options.scope.loop('dispatch', (signal) => this.#run(signal))
  }

  wake(): void {
    this.#wake.set()
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { times, logger } = this.#options
    while (!signal.aborted) {
      let waitMs = times.rereadMs
      try {
        waitMs = Math.min(waitMs, await this.#claim(signal))
      } catch (error) {
        if (!signal.aborted) logger.warn({ error }, 'webhook queues could not be claimed')
      }
      if (waitMs > 0) await this.#wake.wait(waitMs, signal)
    }
    await this.#end(times.drainMs)
    this.#abort.abort(new Error('the process closes'))
    await this.#end(undefined)
  }

  async #end(ms: number | undefined): Promise<void> {
    const ended = new AbortController()
    const all = Promise.all(this.#running.keys()).then(() => ended.abort())
    await (ms === undefined ? all : Promise.race([all, sleep(ms, ended.signal)]))
  }

  /** Answers how long there is surely nothing to do, unless woken. Milliseconds. */
  async #claim(signal: AbortSignal): Promise<number> {
    const { queues, concurrency, perEndpoint, times } = this.#options
    const limit = concurrency - this.#running.size
    if (limit <= 0) return times.rereadMs
    const claimedMs = performance.now()
    const claimed = await queues.claim({ limit, perEndpoint, busy: this.#busy() })
    for (const queue of claimed) this.#start(queue, claimedMs, signal)
    if (claimed.length > 0) return 0
    return Math.max(1, (await queues.nextDueMs()) ?? times.rereadMs)
  }

  #busy(): Map<string, number> {
    const busy = new Map<string, number>()
    for (const endpointId of this.#running.values()) busy.set(endpointId, (busy.get(endpointId) ?? 0) + 1)
    return busy
  }

  #start(queue: ClaimedQueue, claimedMs: number, signal: AbortSignal): void {
    const running = this.#work(queue, claimedMs, signal)
      .catch((error: unknown) => {
        this.#options.logger.warn(
          { error, webhook: queue.endpointId },
          'a webhook queue was left; its lease will expire',
        )
      })
      .finally(() => {
        this.#running.delete(running)
        this.#wake.set()
      })
    this.#running.set(running, queue.endpointId)
  }

  /** Sends from the head until nothing waits, an attempt fails, or the turn is over. */
  async #work(queue: ClaimedQueue, claimedMs: number, closing: AbortSignal): Promise<void> {
    const { queues, cache } = this.#options
    const lease = { untilMs: claimedMs + this.#options.times.leaseMs }
    for (let sent = 0; ; ) {
      const waiting = await queues.head(queue, headLimit)
      if (waiting === undefined) return
      for (const delivery of waiting) {
        if (closing.aborted || sent++ >= turn) return queues.release(queue)
        const target = await cache.target(queue.projectId, queue.endpointId)
        if (target === undefined) return
        if (!target.enabled) return queues.hold(queue)
        if (!(await this.#keep(queue, lease))) return
        if (!(await this.#deliver(queue, target, delivery))) return
      }
    }
  }

  /** No attempt begins that could outlive the lease. */
  async #keep(queue: ClaimedQueue, lease: { untilMs: number }): Promise<boolean> {
    const { queues, times } = this.#options
    if (lease.untilMs - performance.now() > times.timeoutMs) return true
    const askedMs = performance.now()
    lease.untilMs = askedMs + times.leaseMs
    return queues.extend(queue)
  }

  /** True when the next delivery of the queue may follow. */
  async #deliver(queue: ClaimedQueue, target: Target, delivery: WaitingDelivery): Promise<boolean> {
    const { queues, endpoints, cache, times, logger, onAttempt } = this.#options
    const outcome = await this.#attempt(target, delivery)
    if (outcome === undefined) {
      await queues.release(queue)
      return false
    }
    switch (outcome.kind) {
      case 'delivered':
        await queues.settleDelivered(queue, delivery, outcome.attempt)
        onAttempt?.('delivered')
        return true
      case 'gone': {
        const disabled = await endpoints.disableAsGone(queue.projectId, queue.endpointId, target.url)
        cache.changed()
        await queues.settleFailed(queue, delivery, outcome.attempt, gonePauseMs)
        onAttempt?.('gone')
        if (disabled) logger.warn({ webhook: queue.endpointId }, 'a webhook answered 410 and is disabled')
        return false
      }
      case 'failed': {
        const pauseMs = pauseAfter(delivery.attemptCount + 1, {
          scale: times.retryScale,
          random: Math.random(),
          retryAfterMs: outcome.retryAfterMs,
        })
        const stored = await queues.settleFailed(queue, delivery, outcome.attempt, pauseMs)
        onAttempt?.(pauseMs === undefined ? 'dead' : 'failed')
        return stored && pauseMs === undefined
      }
    }
  }

  /** Undefined when the process closes: the attempt does not count. */
  async #attempt(target: Target, delivery: WaitingDelivery): Promise<Outcome | undefined> {
    const { calls, times } = this.#options
    const at = new Date()
    const startedMs = performance.now()
    const tell = (): { at: string; durationMs: number } => ({
      at: at.toISOString(),
      durationMs: Math.round(performance.now() - startedMs),
    })
    try {
      const answer = await calls.post({
        url: target.url,
        headers: signedHeaders(target, delivery.eventId, delivery.body, at.getTime()),
        body: delivery.body,
        timeoutMs: times.timeoutMs,
        maxAnswerBytes: excerptBytes,
        signal: this.#abort.signal,
      })
      return outcomeOf(answer, tell())
    } catch (error) {
      if (this.#abort.signal.aborted) return undefined
      return { kind: 'failed', attempt: { ...tell(), error: reasonOf(error) }, retryAfterMs: undefined }
    }
  }
}

/** Headers of Standard Webhooks over a JSON body. */
export function signedHeaders(
  target: Target,
  id: string,
  body: string,
  nowMs: number,
): Record<string, string> {
  return {
    ...signWebhook(body, { id, nowMs, secrets: target.secrets }),
    'content-type': 'application/json',
    'user-agent': 'Parley-Webhooks/1',
  }
}

function outcomeOf(answer: OutgoingAnswer, when: { at: string; durationMs: number }): Outcome {
  const { status } = answer
  const attempt = { ...when, status }
  if (status >= 200 && status < 300) return { kind: 'delivered', attempt }
  const failed = { ...attempt, ...excerptOf(answer.body) }
  if (status === 410) return { kind: 'gone', attempt: failed }
  const redirect = status >= 300 && status < 400 ? { error: 'redirects are not followed' } : {}
  const retryAfterMs =
    status === 429 || status === 503 ? parseRetryAfter(answer.headers['retry-after'], Date.now()) : undefined
  return { kind: 'failed', attempt: { ...failed, ...redirect }, retryAfterMs }
}

/** As text that PostgreSQL can hold. */
function excerptOf(body: Buffer): { responseExcerpt?: string } {
  const text = body.toString().replaceAll('\u0000', '').toWellFormed()
  return text === '' ? {} : { responseExcerpt: text }
}

/** For the customer's eyes: nothing of our network but that the place is out of bounds. */
function reasonOf(error: unknown): string {
  if (error instanceof ForbiddenPlaceError) return error.message
  if (!(error instanceof Error)) return 'the call failed'
  const { code } = error as NodeJS.ErrnoException
  return (code === undefined ? error.message : `${code}: ${error.message}`).slice(0, 300)
}
