import type { MessageContent } from '@parley/contracts'
import { readSettings } from '@parley/core/kernel'
import type { StoredEvent } from '@parley/core/outbox'
import type { Platform } from '@parley/core/platform'
import { OutgoingCalls } from '@parley/core/webhooks'
import { z } from 'zod'
import { AfterAudit } from './audit/after-audit.ts'
import { PolicyStore } from './audit/audit-store.ts'
import { AuditUsage } from './audit/audit-usage.ts'
import { Auditor } from './audit/auditor.ts'
import { Policies } from './audit/policies.ts'
import { CaseStore } from './cases/case-store.ts'
import { Cases } from './cases/cases.ts'
import { moderationSettings } from './config.ts'
import { moderationMigrations } from './migrations/index.ts'
import type { GuardedMessage, MessageLog, ModerationPorts } from './ports.ts'
import { endRestrictionJob, RestrictionStore } from './restrictions/restriction-store.ts'
import { Restrictions } from './restrictions/restrictions.ts'
import { registerModerationRoutes } from './routes.ts'
import { ScreeningService } from './screening/screening-service.ts'
import { screeningGuard } from './screening/send-guard.ts'
import { WordFilters } from './words/word-filters.ts'
import { WordListStore } from './words/word-list-store.ts'

export interface Moderation {
  /** For chat: asked before a message is stored. */
  readonly sendGuard: { check(message: GuardedMessage): Promise<MessageContent> }
  /** For every product that shows content to others. */
  readonly screening: ScreeningService
  readonly restrictions: Restrictions
  /** Begins what needs the log of messages. Once. */
  start(messages: MessageLog): Promise<void>
}

const socketsPerHost = 64
const hourMs = 3_600_000

/**
 * Brings moderation up: schema, REST, the views of this process, the gate for banned users. Chat is made after it, as
 * it is handed the guard; `start` then hands chat's log back.
 */
export async function createModeration(platform: Platform, ports: ModerationPorts): Promise<Moderation> {
  const { database, outbox, jobs, masterKey, gateway, http, metrics, ledger, webhooks } = platform
  const config = readSettings(moderationSettings, platform.source)
  const scope = platform.scope.child('moderation')
  const logger = platform.logger.child({ module: 'moderation' })
  await database.migrate(moderationMigrations)
  for (const type of ['case.opened', 'case.resolved', 'restriction.created', 'restriction.ended'] as const) {
    webhooks.forward(type)
  }
  const verdicts = metrics.counter({
    name: 'moderation_verdicts_total',
    help: 'Verdicts about content',
    labels: ['source', 'verdict'],
  })
  const audits = metrics.counter({
    name: 'moderation_audits_total',
    help: 'Questions to audit services, by what came back',
    labels: ['outcome'],
  })

  const lists = new WordListStore(outbox, config)
  const filters = new WordFilters({ database, store: lists, logger, signal: scope.signal })
  const policyStore = new PolicyStore(outbox, masterKey)
  const policies = new Policies((projectId) => policyStore.read(database.project(projectId), projectId))
  const restrictionStore = new RestrictionStore(outbox, jobs)
  const restrictions = new Restrictions({ database, store: restrictionStore, users: ports.users, gateway })
  const usage = new AuditUsage({ scope, append: (facts) => ledger.append(database.system, facts) })
  const calls = scope.own('calls', new OutgoingCalls(webhooks.guard, { socketsPerHost }))
  const auditor = new Auditor({
    ...{ calls, logger, config, files: ports.files },
    onAudit: ({ projectId, source }, kinds, outcome) => {
      audits.inc({ outcome })
      usage.note(projectId, kinds, { source, outcome })
    },
  })
  let log: MessageLog | undefined
  const messages = (): MessageLog => {
    if (log === undefined) throw new Error('moderation has not been started')
    return log
  }
  const users = ports.users
  const store = new CaseStore(outbox)
  const cases = new Cases({ store, restrictionStore, restrictions, policies, users, messages })
  const screening = new ScreeningService({
    ...{ database, restrictions, filters, policies, auditor, cases },
    onVerdict: (source, verdict) => verdicts.inc({ source, verdict }),
  })
  const after = new AfterAudit({
    ...{ database, outbox, jobs, logger, store: policyStore, policies, auditor, screening, messages },
  })

  ports.tokens.onToken((projectId, userId) => restrictions.admit(projectId, userId))
  gateway.onOpened((session) => {
    // The ban may have come between the token and the connection.
    if (restrictions.view.holdingNow(session.projectId, session.userId, 'ban')) session.close('banned')
  })
  const handle = async (event: StoredEvent): Promise<void> => {
    const { projectId, type, data } = event
    if (type !== 'moderation.changed' || !('part' in data)) return restrictions.handle(event)
    if (data.part === 'words') return filters.refresh(projectId)
    policies.forget(projectId)
    if (data.part === 'audit' && (await policies.get(projectId)).audit?.mode === 'after') after.follow()
  }
  const stopTail = outbox.tail({
    types: ['moderation.changed', 'restriction.created', 'restriction.ended'],
    handle: async (events) => {
      // A mute must not wait for a long list to be compiled.
      await Promise.all(inOrderByProject(events).map((queue) => inTurn(queue, handle)))
    },
  })
  scope.onClose('tail', stopTail)
  registerModerationRoutes({
    ...{ http, lists, filters, policyStore, policies, cases, restrictions, guard: webhooks.guard },
  })
  jobs.define({
    name: endRestrictionJob,
    schema: z.object({ restrictionId: z.string(), userId: z.string() }),
    handle: ({ restrictionId, userId }, { projectId }) =>
      restrictions.expire(database.project(projectId), userId, restrictionId),
  })
  jobs.define({
    name: 'moderation-forget-tries',
    handle: async () => {
      await database.system.query({
        text: `delete from moderation.report_tries where tried_at < now() - interval '2 hours'`,
      })
    },
  })
  await jobs.schedule('moderation-forget-tries', { everyMs: hourMs })

  return {
    sendGuard: screeningGuard(screening, policies),
    screening,
    restrictions,
    start: async (given) => {
      log = given
      await after.start()
    },
  }
}

/** Word lists of a project are a queue of their own. */
function inOrderByProject(events: readonly StoredEvent[]): StoredEvent[][] {
  const queues = new Map<string, StoredEvent[]>()
  for (const event of events) {
    const words = event.type === 'moderation.changed' && 'part' in event.data && event.data.part === 'words'
    const key = `${words ? 'words' : 'other'} ${event.projectId}`
    const queue = queues.get(key)
    if (queue) queue.push(event)
    else queues.set(key, [event])
  }
  return [...queues.values()]
}

async function inTurn(events: readonly StoredEvent[], handle: (event: StoredEvent) => Promise<void>) {
  for (const event of events) await handle(event)
}
