import { AppError, type ModerationWord, moderationEndpoints } from '@parley/contracts'
import type { KeyCaller, UserCaller } from '@parley/core/auth'
import type { HttpServer } from '@parley/core/http'
import type { OutgoingGuard } from '@parley/core/webhooks'
import { type PolicyStore, toPublicAudit } from './audit/audit-store.ts'
import type { Policies } from './audit/policies.ts'
import type { Cases } from './cases/cases.ts'
import type { Restrictions } from './restrictions/restrictions.ts'
import { holdsLetters, wordsOfLines } from './words/import-lines.ts'
import type { WordFilters } from './words/word-filters.ts'
import type { WordListStore } from './words/word-list-store.ts'

export interface ModerationRouteParts {
  http: HttpServer
  lists: WordListStore
  filters: WordFilters
  policyStore: PolicyStore
  policies: Policies
  cases: Cases
  restrictions: Restrictions
  guard: OutgoingGuard
}

const done = { done: true as const }

export function registerModerationRoutes(parts: ModerationRouteParts): void {
  registerWordLists(parts)
  registerPolicies(parts)
  registerCases(parts)
  registerRestrictions(parts)
}

/** What was changed is in use here before it is answered. */
function registerWordLists({ http, lists, filters }: ModerationRouteParts): void {
  http.route(moderationEndpoints.putWordList, async ({ project, params: { id }, body }) => {
    if (body.words) requireLetters(body.words)
    const list = await lists.put(project, id, body)
    await filters.refresh(project.projectId)
    return list
  })
  http.route(moderationEndpoints.listWordLists, ({ project, query }) => lists.list(project, query))
  http.route(moderationEndpoints.getWordList, ({ project, params: { id } }) => lists.get(project, id))
  http.route(moderationEndpoints.deleteWordList, async ({ project, params: { id } }) => {
    await lists.remove(project, id)
    await filters.refresh(project.projectId)
    return done
  })
  http.route(moderationEndpoints.listWords, ({ project, params: { id }, query }) =>
    lists.words(project, id, query),
  )
  http.route(moderationEndpoints.importWords, async ({ project, params: { id }, body }) => {
    const { words, skipped } = wordsOfLines(body.lines, body.verdict)
    const list = await lists.add(project, id, words)
    await filters.refresh(project.projectId)
    return { list, imported: words.length, skipped }
  })
  http.route(moderationEndpoints.checkText, async ({ project, body }) => {
    const filter = await filters.get(project.projectId)
    const { verdict, text, found } = filter.filter(body.text, body.conversationType)
    return { verdict, text, matches: found.slice(0, 200) }
  })
}

function registerPolicies({ http, policyStore, policies, guard }: ModerationRouteParts): void {
  http.route(moderationEndpoints.putAudit, async ({ project, body }) => {
    if (guard.refusesLiteral(new URL(body.url))) {
      throw new AppError('invalid-request', 'The address of the audit service is not public', {
        issues: [{ path: 'url', message: 'is not a public address' }],
      })
    }
    const audit = await policyStore.putAudit(project, body)
    policies.forget(project.projectId)
    return audit
  })
  http.route(moderationEndpoints.getAudit, async ({ project }) => {
    const { audit } = await policyStore.read(project, project.projectId)
    if (audit === undefined) throw new AppError('not-found', 'The project has no audit service')
    return toPublicAudit(audit)
  })
  http.route(moderationEndpoints.deleteAudit, async ({ project }) => {
    await policyStore.removeAudit(project)
    policies.forget(project.projectId)
    return done
  })
  http.route(
    moderationEndpoints.getModerationSettings,
    async ({ project }) => (await policyStore.read(project, project.projectId)).settings,
  )
  http.route(moderationEndpoints.updateModerationSettings, async ({ project, body }) => {
    const settings = await policyStore.updateSettings(project, body)
    policies.forget(project.projectId)
    return settings
  })
}

function registerCases({ http, cases }: ModerationRouteParts): void {
  http.route(moderationEndpoints.createReport, async ({ project, caller, body: { userId, ...report } }) => {
    const reporterId = acting(caller, userId)
    return { caseId: (await cases.report(project, { ...report, reporterId })).id }
  })
  http.route(moderationEndpoints.createAppeal, async ({ project, caller, body }) => {
    const userId = acting(caller, body.userId)
    return { caseId: (await cases.appeal(project, { ...body, userId })).id }
  })
  http.route(moderationEndpoints.listCases, ({ project, query: { limit, cursor, ...filter } }) =>
    cases.store.list(project, filter, { limit, cursor }),
  )
  http.route(moderationEndpoints.getCase, ({ project, params: { caseId } }) => cases.details(project, caseId))
  http.route(moderationEndpoints.claimCase, ({ project, params: { caseId }, body: { by } }) =>
    cases.claim(project, caseId, by),
  )
  http.route(moderationEndpoints.resolveCase, ({ project, params: { caseId }, body }) =>
    cases.resolve(project, caseId, body),
  )
  http.route(moderationEndpoints.createCaseNote, ({ project, params: { caseId }, body: { text, by } }) =>
    cases.note(project, caseId, { author: by, text }),
  )
}

function registerRestrictions({ http, restrictions }: ModerationRouteParts): void {
  http.route(moderationEndpoints.createRestriction, ({ project, params: { userId }, body }) =>
    restrictions.create(project, { userId, ...body }),
  )
  http.route(moderationEndpoints.listRestrictions, async ({ project, params: { userId } }) => ({
    items: await restrictions.list(project, userId),
  }))
  http.route(moderationEndpoints.deleteRestriction, async ({ project, params }) => {
    await restrictions.lift(project, params.userId, params.restrictionId)
    return done
  })
}

/** The user a call acts as: the token's own, or the one an API key names. */
function acting(caller: KeyCaller | UserCaller, named: string | undefined): string {
  if (caller.kind === 'user') {
    if (named === undefined || named === caller.userId) return caller.userId
    throw new AppError('forbidden', 'A user token acts for its own user only')
  }
  if (named !== undefined) return named
  throw new AppError('invalid-request', 'With an API key, userId names the acting user', {
    issues: [{ path: 'userId', message: 'is required with an API key' }],
  })
}

function requireLetters(words: readonly ModerationWord[]): void {
  const empty = words.findIndex(({ text }) => !holdsLetters(text))
  if (empty === -1) return
  throw new AppError('invalid-request', 'A word holds no letter', {
    issues: [{ path: `words[${empty}].text`, message: 'holds nothing but separators' }],
  })
}
