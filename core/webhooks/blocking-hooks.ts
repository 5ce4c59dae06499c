import { type BlockingHookName, type BlockingVerdict, blockingVerdict, newId } from '@parley/contracts'
import type { Logger } from '@parley/core/kernel'
import type { z } from 'zod'
import type { CircuitBreaker } from './circuit-breaker.ts'
import { signedHeaders } from './dispatcher.ts'
import type { EndpointCache } from './endpoint-cache.ts'
import type { Target } from './endpoint-store.ts'
import type { OutgoingCalls } from './outgoing-calls.ts'
import { toCloudEvent } from './public-event.ts'

/** The answer to whoever asked: go on, go on with something else, or stop. */
export type Verdict<Replacement> =
  | { verdict: 'allow' }
  | { verdict: 'replace'; data: Replacement }
  | { verdict: 'reject'; detail: string }

export interface Question<Replacement> {
  /** JSON that tells what is about to happen. */
  payload: Record<string, unknown>
  /** What it is about, such as `conversation/conv_...`. */
  subject: string
  /** What may stand in for it. Absent: a hook that replaces gives no valid answer. */
  replacement?: z.ZodType<Replacement>
  /** Puts a replacement into the payload, so that the next hook is asked about that. */
  withReplacement?: (payload: Record<string, unknown>, data: Replacement) => Record<string, unknown>
}

export interface BlockingHooksOptions {
  cache: EndpointCache
  calls: OutgoingCalls
  logger: Logger
  /** Questions to one endpoint at a time; beyond that its declared verdict for a timeout holds at once. */
  maxInFlight: number
  circuits: CircuitBreaker
  onAnswer?: (hook: BlockingHookName, outcome: HookOutcome) => void
}

/** `default`: no valid answer came in time; `unasked`: the receiver is silent and was spared. */
export type HookOutcome = Verdict<unknown>['verdict'] | 'default' | 'unasked'

const maxAnswerBytes = 64 * 1024
/** A timer may ring this much before its time. */
const timerSlackMs = 2
const rejected = 'The application refused this'

/** Asks the customer's server before something happens. A project without hooks costs one look into memory. */
export class BlockingHooks {
  readonly #options: BlockingHooksOptions
  readonly #inFlight = new Map<string, number>()

  constructor(options: BlockingHooksOptions) {
    this.#options = options
  }

  /**
   * Asks every hook of that name, the oldest first; the first that rejects ends it, and what one replaced is what the
   * next is asked about. Whatever goes wrong on the way to a hook (timeout, refused, 500, an answer that does not fit)
   * gives the verdict that its configuration declares. Never throws for it.
   */
  async ask<Replacement = never>(
    projectId: string,
    hook: BlockingHookName,
    question: Question<Replacement>,
  ): Promise<Verdict<Replacement>> {
    const targets = await this.#options.cache.blockers(projectId)
    let verdict: Verdict<Replacement> = { verdict: 'allow' }
    let { payload } = question
    for (const target of targets) {
      if (!target.blocking?.hooks.includes(hook)) continue
      const answer = await this.#askOne(projectId, hook, target, { ...question, payload })
      if (answer.verdict === 'reject') return answer
      if (answer.verdict !== 'replace') continue
      verdict = answer
      payload = question.withReplacement?.(payload, answer.data) ?? payload
    }
    return verdict
  }

  async #askOne<Replacement>(
    projectId: string,
    hook: BlockingHookName,
    target: Target,
    question: Question<Replacement>,
  ): Promise<Verdict<Replacement>> {
    const { logger, circuits, maxInFlight, onAnswer } = this.#options
    const waiting = this.#inFlight.get(target.endpointId) ?? 0
    if (waiting >= maxInFlight || !circuits.admits(target.endpointId)) {
      onAnswer?.(hook, 'unasked')
      return declared(target)
    }
    try {
      const given = await this.#call(projectId, hook, target, question)
      const verdict = check(given, question)
      onAnswer?.(hook, verdict.verdict)
      return verdict
    } catch (error) {
      logger.debug({ error, webhook: target.endpointId, hook }, 'a blocking hook gave no valid answer')
      onAnswer?.(hook, 'default')
      return declared(target)
    }
  }

  async #call(
    projectId: string,
    hook: BlockingHookName,
    target: Target,
    { payload, subject }: Pick<Question<unknown>, 'payload' | 'subject'>,
  ): Promise<BlockingVerdict> {
    const { calls, circuits } = this.#options
    const timeoutMs = target.blocking?.timeoutMs ?? 1_000
    const now = new Date()
    const startedMs = performance.now()
    const id = newId('event')
    const body = JSON.stringify(
      toCloudEvent(projectId, { id, type: hook, subject, time: now, data: payload }),
    )
    this.#inFlight.set(target.endpointId, (this.#inFlight.get(target.endpointId) ?? 0) + 1)
    let valid = false
    try {
      const answer = await calls.post({
        url: target.url,
        headers: { ...signedHeaders(target, id, body, now.getTime()), accept: 'application/json' },
        body,
        timeoutMs,
        maxAnswerBytes,
      })
      if (answer.status !== 200 || !answer.complete) throw new Error(`the hook answered ${answer.status}`)
      const verdict = blockingVerdict.parse(JSON.parse(answer.body.toString()))
      valid = true
      return verdict
    } finally {
      // What took the whole deadline was silence, however it ended; an error that comes at once costs nobody time.
      const inTime = performance.now() - startedMs < timeoutMs - timerSlackMs
      if (valid || inTime) circuits.answered(target.endpointId)
      else circuits.silent(target.endpointId)
      const left = (this.#inFlight.get(target.endpointId) ?? 1) - 1
      if (left === 0) this.#inFlight.delete(target.endpointId)
      else this.#inFlight.set(target.endpointId, left)
    }
  }
}

function declared(target: Target): Verdict<never> {
  const onTimeout = target.blocking?.onTimeout ?? 'allow'
  return onTimeout === 'allow' ? { verdict: 'allow' } : { verdict: 'reject', detail: rejected }
}

function check<Replacement>(given: BlockingVerdict, question: Question<Replacement>): Verdict<Replacement> {
  switch (given.verdict) {
    case 'allow':
      return given
    case 'reject':
      return { verdict: 'reject', detail: given.detail ?? rejected }
    case 'replace':
      if (question.replacement === undefined) throw new Error('this hook cannot replace')
      return { verdict: 'replace', data: question.replacement.parse(given.data) }
  }
}
