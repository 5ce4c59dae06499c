import { AppError, type CaseWithDetails, type ModerationCase, newId } from '@parley/contracts'
import type { ProjectScope } from '@parley/core/store'
import type { Policies } from '../audit/policies.ts'
import type { MessageLog, UserDirectory } from '../ports.ts'
import type { RestrictionStore } from '../restrictions/restriction-store.ts'
import type { Restrictions } from '../restrictions/restrictions.ts'
import type { CaseStore } from './case-store.ts'

export interface CasesOptions {
  store: CaseStore
  restrictionStore: RestrictionStore
  restrictions: Restrictions
  policies: Policies
  users: UserDirectory
  messages: () => MessageLog
}

export interface NewReport {
  target: { type: 'message' | 'user' | 'conversation' | 'room'; id: string }
  reason: string
  note?: string | undefined
  evidence?: Record<string, unknown> | undefined
  reporterId: string
}

export interface Resolution {
  action: NonNullable<ModerationCase['action']>
  note?: string | undefined
  by: string
  untilMs?: number | undefined
  conversationId?: string | undefined
}

/** Reports, reviews and appeals, and what people decide about them (MOD-40 to MOD-45). */
export class Cases {
  readonly store: CaseStore
  readonly #options: CasesOptions

  constructor(options: CasesOptions) {
    this.#options = options
    this.store = options.store
  }

  /** Answers the case. Throws `rate-limited`, and what is said where the reporter cannot see the target. */
  async report(project: ProjectScope, given: NewReport): Promise<ModerationCase> {
    const { policies, users } = this.#options
    const { target, reporterId, reason, note, evidence } = given
    const { settings } = await policies.get(project.projectId)
    await users.ensure(project, [reporterId])
    await this.store.countTry(project, reporterId, settings.reportsPerHour)
    const seen = await this.#look(project, given)
    return project.transaction(async (tx) => {
      const opened = await this.store.open(tx, project.projectId, {
        source: 'report',
        target,
        conversationId: seen.conversationId,
        userId: seen.userId,
        reasons: [reason],
        evidence: { ...(seen.content !== undefined && { content: seen.content }), ...evidence },
      })
      await this.store.addReport(tx, project.projectId, opened.id, { reporterId, reason, note })
      return opened
    })
  }

  /** Only whom a restriction or a case is about may appeal; for everybody else there is no such thing. */
  async appeal(
    project: ProjectScope,
    given: { userId: string; restrictionId?: string | undefined; caseId?: string | undefined; note: string },
  ): Promise<ModerationCase> {
    const { projectId } = project
    const { userId, restrictionId, caseId, note } = given
    const about = restrictionId ?? caseId ?? ''
    const owner =
      restrictionId === undefined
        ? (await this.store.get(project, projectId, about)).userId
        : (await this.#options.restrictionStore.find(project, projectId, about))?.userId
    if (owner !== userId) throw new AppError('not-found', 'There is nothing to appeal against')
    return project.transaction(async (tx) => {
      const opened = await this.store.open(tx, projectId, {
        source: 'appeal',
        target: { type: restrictionId === undefined ? 'case' : 'restriction', id: about },
        userId,
        reasons: ['appeal'],
      })
      await this.store.addNote(tx, projectId, opened.id, { author: userId, text: note })
      return opened
    })
  }

  async details(project: ProjectScope, caseId: string): Promise<CaseWithDetails> {
    const found = await this.store.get(project, project.projectId, caseId)
    return { ...found, ...(await this.store.details(project, caseId)) }
  }

  /** Throws `conflict` for a case that somebody else has, or that is decided. */
  claim(project: ProjectScope, caseId: string, by: string): Promise<ModerationCase> {
    return project.transaction(async (tx) => {
      requireFree(await this.store.lock(tx, project.projectId, caseId), by)
      return this.store.claim(tx, project.projectId, caseId, by)
    })
  }

  /** Carries the action out and closes the case; decided again the same way answers the same. */
  async resolve(project: ProjectScope, caseId: string, given: Resolution): Promise<ModerationCase> {
    const { projectId } = project
    const { restrictionStore, restrictions, messages } = this.#options
    const found = await this.store.get(project, projectId, caseId)
    if (found.state === 'resolved' && found.action === given.action) return found
    requireFree(found, given.by)
    requireFitting(found, given.action)
    // Recalling twice is one recall: should the case not be closed after it, it is decided once more.
    if (given.action === 'recall') await messages().recall(projectId, found.target.id)
    const { resolved, made, lifted } = await project.transaction(async (tx) => {
      requireFree(await this.store.lock(tx, projectId, caseId), given.by)
      const { action, untilMs, conversationId } = given
      const restricts = action === 'mute' || action === 'ban'
      const made = restricts
        ? await restrictions.createIn(tx, projectId, {
            ...{ userId: found.userId ?? '', kind: action, untilMs, conversationId },
            reason: `case ${caseId}`,
          })
        : undefined
      const ending = { userId: found.userId ?? '', id: found.target.id, reason: 'lifted' as const }
      const lifted = action === 'lift' ? await restrictionStore.end(tx, projectId, ending) : undefined
      return { made, lifted, resolved: await this.store.resolve(tx, projectId, caseId, given) }
    })
    if (made) await restrictions.applied(projectId, made)
    if (lifted) await restrictions.view.ended(projectId, lifted)
    return resolved
  }

  note(project: ProjectScope, caseId: string, note: { author: string; text: string }) {
    return project.transaction((tx) => this.store.addNote(tx, project.projectId, caseId, note))
  }

  /** What a screening wants people to see. */
  review(
    project: ProjectScope,
    given: {
      target?: ModerationCase['target'] | undefined
      conversationId?: string | undefined
      userId?: string | undefined
      reasons: readonly string[]
      evidence: unknown
    },
  ): Promise<ModerationCase> {
    const { target, ...rest } = given
    return project.transaction((tx) =>
      this.store.open(tx, project.projectId, {
        ...rest,
        source: 'screening',
        // A message that is held has no id; each such try is a case of its own.
        target: target ?? { type: 'message', id: newId('message') },
      }),
    )
  }

  async #look(
    project: ProjectScope,
    { target, reporterId }: NewReport,
  ): Promise<{ conversationId?: string; userId?: string; content?: unknown }> {
    const { users, messages } = this.#options
    switch (target.type) {
      case 'message': {
        const message = await messages().message(project.projectId, target.id, reporterId)
        const { conversationId, senderId: userId, content } = message
        return { conversationId, userId, content: bounded(content) }
      }
      case 'user':
        await users.ensure(project, [target.id])
        return { userId: target.id }
      case 'conversation':
        await messages().conversationType(project.projectId, target.id, reporterId)
        return { conversationId: target.id }
      case 'room':
        return {}
    }
  }
}

const maxEvidence = 12_000

/** Content as it was when it was reported; the longest ones cut off, as text. */
export function bounded(content: unknown): unknown {
  const json = JSON.stringify(content)
  return json.length <= maxEvidence ? content : { cutOff: Buffer.from(json.slice(0, maxEvidence)).toString() }
}

function requireFree(found: ModerationCase, by: string): void {
  if (found.state === 'resolved') throw new AppError('conflict', 'The case is decided')
  if (found.claimedBy !== undefined && found.claimedBy !== by)
    throw new AppError('conflict', 'Somebody else has claimed the case')
}

function requireFitting(found: ModerationCase, action: Resolution['action']): void {
  const fits =
    action === 'none' ||
    (action === 'recall' && found.target.type === 'message') ||
    (action === 'lift' && found.target.type === 'restriction') ||
    ((action === 'mute' || action === 'ban') && found.userId !== undefined)
  if (!fits) throw new AppError('conflict', `A case about this target cannot be resolved with ${action}`)
}
