import { type BlockingHookName, type BlockingVerdict, blockingVerdict, newId } from '@parley/contracts'
import type { Logger } from '@parley/core/kernel'
import type { z } from 'zod'
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
  /** Questions to one endpoint at a time; beyond that its declared verdict for a timeout holds. */
  maxInFlight: number
  onAnswer?: (hook: BlockingHookName, outcome: 'allow' | 'replace' | 'reject' | 'default') => void
}

const maxAnswerBytes = 64 * 1024
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
    const { logger, onAnswer } = this.#options
    try {
      const given = await this.#call(projectId, hook, target, question)
      const verdict = check(given, question)
      onAnswer?.(hook, verdict.verdict)
      return verdict
    } catch (error) {
      logger.debug({ error, webhook: target.endpointId, hook }, 'a blocking hook gave no valid answer')
      onAnswer?.(hook, 'default')
      const declared = target.blocking?.onTimeout ?? 'allow'
      return declared === 'allow' ? { verdict: 'allow' } : { verdict: 'reject', detail: rejected }
    }
  }

  async #call(
    projectId: string,
    hook: BlockingHookName,
    target: Target,
    { payload, subject }: Pick<Question<unknown>, 'payload' | 'subject'>,
  ): Promise<BlockingVerdict> {
    const { calls, maxInFlight } = this.#options
    const now = new Date()
    const id = newId('event')
    const body = JSON.stringify(
      toCloudEvent(projectId, { id, type: hook, subject, time: now, data: payload }),
    )
    const waiting = this.#inFlight.get(target.endpointId) ?? 0
    if (waiting >= maxInFlight) throw new Error('too many questions wait for this endpoint')
    this.#inFlight.set(target.endpointId, waiting + 1)
    try {
      const answer = await calls.post({
        url: target.url,
        headers: { ...signedHeaders(target, id, body, now.getTime()), accept: 'application/json' },
        body,
        timeoutMs: target.blocking?.timeoutMs ?? 1_000,
        maxAnswerBytes,
      })
      if (answer.status !== 200 || !answer.complete) throw new Error(`the hook answered ${answer.status}`)
      return blockingVerdict.parse(JSON.parse(answer.body.toString()))
    } finally {
      const left = (this.#inFlight.get(target.endpointId) ?? 1) - 1
      if (left === 0) this.#inFlight.delete(target.endpointId)
      else this.#inFlight.set(target.endpointId, left)
    }
  }
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
