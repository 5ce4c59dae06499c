import { type AuditAnswer, type AuditQuestion, auditAnswer, newId } from '@parley/contracts'
import type { Logger } from '@parley/core/kernel'
import type { OutgoingCalls } from '@parley/core/webhooks'
import { signWebhook } from '@parley/protocols/standard-webhooks'
import type { ModerationConfig } from '../config.ts'
import type { FileAddresses } from '../ports.ts'
import type { ContentPart, ScreeningSubject } from '../screening/subject.ts'
import type { AuditTarget } from './audit-store.ts'
import { CircuitBreaker } from './circuit-breaker.ts'

export interface AuditorOptions {
  calls: OutgoingCalls
  files: FileAddresses
  logger: Logger
  config: Pick<ModerationConfig, 'auditsInFlight' | 'auditFailures' | 'auditPauseMs'>
  /** Told of each question by the kinds it held. */
  onAudit: (
    subject: ScreeningSubject,
    kinds: readonly string[],
    outcome: AuditAnswer['verdict'] | 'failed',
  ) => void
}

const maxAnswerBytes = 64 * 1024

/** Asks audit services of customers: signed, with a deadline, left alone while they fail. */
export class Auditor {
  readonly #options: AuditorOptions
  readonly #breaker: CircuitBreaker
  readonly #inFlight = new Map<string, number>()

  constructor(options: AuditorOptions) {
    this.#options = options
    const { auditFailures: failures, auditPauseMs: pauseMs } = options.config
    this.#breaker = new CircuitBreaker({ failures, pauseMs })
  }

  /** The parts of a subject that the service wants to see. */
  wanted(target: AuditTarget, parts: readonly ContentPart[]): ContentPart[] {
    return parts.filter((part) => target.kinds.includes(part.kind))
  }

  /** The answer of the service; whatever goes wrong on the way to it is undefined, never an error. */
  async ask(target: AuditTarget, subject: ScreeningSubject): Promise<AuditAnswer | undefined> {
    const { onAudit, logger } = this.#options
    const parts = this.wanted(target, subject.parts)
    const kinds = parts.map((part) => part.kind)
    const circuit = `${subject.projectId} ${target.url}`
    if (!this.#breaker.admits(circuit)) return undefined
    try {
      const answer = await this.#call(target, this.#question(subject, parts))
      this.#breaker.succeeded(circuit)
      onAudit(subject, kinds, answer.verdict)
      return answer
    } catch (error) {
      logger.debug({ error, projectId: subject.projectId }, 'an audit service gave no valid answer')
      if (!(error instanceof TooManyError)) this.#breaker.failed(circuit)
      onAudit(subject, kinds, 'failed')
      return undefined
    }
  }

  async #call(target: AuditTarget, question: AuditQuestion): Promise<AuditAnswer> {
    const { calls, config } = this.#options
    const { projectId } = question
    const waiting = this.#inFlight.get(projectId) ?? 0
    if (waiting >= config.auditsInFlight) throw new TooManyError('too many questions wait for this service')
    this.#inFlight.set(projectId, waiting + 1)
    try {
      const body = JSON.stringify(question)
      const answer = await calls.post({
        url: target.url,
        headers: {
          ...signWebhook(body, { id: newId('event'), nowMs: Date.now(), secrets: [target.secret] }),
          'content-type': 'application/json',
          'user-agent': 'Parley-Audit/1',
          accept: 'application/json',
        },
        body,
        timeoutMs: target.timeoutMs,
        maxAnswerBytes,
      })
      if (answer.status !== 200 || !answer.complete) throw new Error(`the service answered ${answer.status}`)
      return auditAnswer.parse(JSON.parse(answer.body.toString()))
    } finally {
      const left = (this.#inFlight.get(projectId) ?? 1) - 1
      if (left === 0) this.#inFlight.delete(projectId)
      else this.#inFlight.set(projectId, left)
    }
  }

  #question(subject: ScreeningSubject, parts: readonly ContentPart[]): AuditQuestion {
    const { projectId, source, userId, conversationId, conversationType, messageId } = subject
    return {
      projectId,
      source,
      ...(userId !== undefined && { userId }),
      ...(conversationId !== undefined && { conversationId }),
      ...(conversationType !== undefined && { conversationType }),
      ...(messageId !== undefined && { messageId }),
      parts: parts.map((part) => {
        if (part.kind === 'text') return part
        const { kind, objectId, reference, contentType } = part
        const url = objectId === undefined ? part.url : this.#options.files.signUrl(projectId, objectId, kind)
        return {
          kind,
          ...(url !== undefined && { url }),
          ...(reference !== undefined && { reference }),
          ...(contentType !== undefined && { contentType }),
        }
      }),
    }
  }
}

/** Ours, not the service's failure. */
class TooManyError extends Error {}
