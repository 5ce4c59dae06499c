import type { Jobs } from '@parley/core/jobs'
import type { Logger } from '@parley/core/kernel'
import type { Outbox, StoredEvent } from '@parley/core/outbox'
import type { Database } from '@parley/core/store'
import { z } from 'zod'
import type { LogEntry, MessageLog } from '../ports.ts'
import { partsOf } from '../screening/content-parts.ts'
import type { ScreeningService } from '../screening/screening-service.ts'
import type { ScreeningSubject } from '../screening/subject.ts'
import type { PolicyStore } from './audit-store.ts'
import type { Auditor } from './auditor.ts'
import type { Policies } from './policies.ts'

export interface AfterAuditOptions {
  database: Database
  outbox: Outbox
  jobs: Jobs
  logger: Logger
  store: PolicyStore
  policies: Policies
  auditor: Auditor
  screening: ScreeningService
  messages: () => MessageLog
}

const consumer = 'moderation-after'
const job = 'moderation-audit-message'
const attempts = 5
const payloadSchema = z.object({ messageId: z.string(), seq: z.int() })

/**
 * Audits messages that were sent already: what the log tells becomes a durable job each, and what the service rejects
 * is recalled. The log is followed from the first project on that wants this.
 */
export class AfterAudit {
  readonly #options: AfterAuditOptions
  #following = false

  constructor(options: AfterAuditOptions) {
    this.#options = options
  }

  async start(): Promise<void> {
    const { database, jobs, outbox, store } = this.#options
    jobs.define({
      name: job,
      schema: payloadSchema,
      maxAttempts: attempts,
      timeoutMs: 60_000,
      handle: ({ messageId }, { projectId, attempt }) => this.#run(projectId, messageId, attempt),
    })
    if (await store.hasAfter(database.system)) this.follow()
    // A cursor that nobody moves would keep every event.
    else await outbox.forget(consumer)
  }

  /** Begins to read the log, once. */
  follow(): void {
    if (this.#following) return
    this.#following = true
    this.#options.outbox.consume(consumer, {
      types: ['conversation.appended'],
      handle: async (events) => {
        for (const event of events) await this.#take(event)
      },
    })
  }

  async #take({ projectId, type, data, occurredAt }: StoredEvent): Promise<void> {
    if (type !== 'conversation.appended' || !('fromSeq' in data)) return
    const { policies, messages, jobs, database, auditor } = this.#options
    const { audit } = await policies.get(projectId)
    if (audit?.mode !== 'after' || occurredAt.getTime() < Date.parse(audit.updatedAt)) return
    const { conversationId, fromSeq, toSeq } = data
    const limit = toSeq - fromSeq + 1
    const range = { afterSeq: fromSeq - 1, beforeSeq: toSeq + 1, limit }
    const entries = await messages().entries(projectId, conversationId, range)
    const wanted = entries.filter((entry) => auditor.wanted(audit, partsOf(contentOf(entry))).length > 0)
    if (wanted.length === 0) return
    await database.project(projectId).transaction(async (tx) => {
      for (const entry of wanted) {
        const payload = { messageId: messageIdOf(entry), seq: entry.seq }
        const uniqueKey = `${projectId}/${conversationId}/${entry.seq}`
        await jobs.enqueue(tx, { name: job, projectId, payload, uniqueKey })
      }
    })
  }

  async #run(projectId: string, messageId: string, attempt: number): Promise<void> {
    const { policies, messages, auditor, screening } = this.#options
    const { audit } = await policies.get(projectId)
    if (audit?.mode !== 'after') return
    const log = messages()
    const message = await log.message(projectId, messageId, undefined)
    const subject: ScreeningSubject = {
      ...{ projectId, messageId, conversationId: message.conversationId, userId: message.senderId },
      conversationType: await log.conversationType(projectId, message.conversationId, undefined),
      source: 'message',
      parts: partsOf(message.content),
    }
    if (auditor.wanted(audit, subject.parts).length === 0) return
    const answer = await auditor.ask(audit, subject)
    if (answer === undefined && attempt < attempts) throw new Error('the audit service gave no valid answer')
    const verdict = answer?.verdict ?? audit.fallback
    if (verdict === 'reject') await log.recall(projectId, messageId)
    const reasons = answer?.reasons ?? [answer === undefined ? 'audit-unavailable' : 'audit']
    // It stands in the log already: what should be replaced is decided by people.
    if (verdict === 'review' || verdict === 'replace') await screening.openCase(subject, { reasons })
  }
}

function contentOf({ content }: LogEntry): LogEntry['content'] {
  return content.type === 'edit' ? content.content : content
}

function messageIdOf({ id, content }: LogEntry): string {
  return content.type === 'edit' ? content.targetId : id
}
