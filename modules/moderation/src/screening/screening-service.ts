import { type AuditAnswer, type ModerationVerdict, moderationVerdicts } from '@parley/contracts'
import type { Database } from '@parley/core/store'
import type { Policy } from '../audit/audit-store.ts'
import type { Auditor } from '../audit/auditor.ts'
import type { Policies } from '../audit/policies.ts'
import { bounded, type Cases } from '../cases/cases.ts'
import { severest } from '../matching/index.ts'
import type { Restrictions } from '../restrictions/restrictions.ts'
import type { FoundWord } from '../words/word-filter.ts'
import type { WordFilters } from '../words/word-filters.ts'
import type { ContentPart, Screening, ScreeningSubject } from './subject.ts'

export interface ScreeningServiceOptions {
  database: Database
  restrictions: Restrictions
  filters: WordFilters
  policies: Policies
  auditor: Auditor
  cases: Cases
  onVerdict: (source: ScreeningSubject['source'], verdict: ModerationVerdict) => void
}

interface Findings {
  verdict: ModerationVerdict
  reasons: string[]
  parts: ContentPart[]
  words: FoundWord[]
}

/**
 * The one door for content of any kind: messages and profiles, and what later products show it of running audio and
 * video. First who speaks, then word lists, then the audit service; the most severe verdict counts.
 */
export class ScreeningService {
  readonly #options: ScreeningServiceOptions

  constructor(options: ScreeningServiceOptions) {
    this.#options = options
  }

  /** Opens a case for a verdict of `review`. Throws only when the database cannot be asked. */
  async screen(subject: ScreeningSubject): Promise<Screening> {
    const { onVerdict } = this.#options
    const restricted = await this.#restricted(subject)
    if (restricted !== undefined) {
      onVerdict(subject.source, 'reject')
      return { verdict: 'reject', reasons: [restricted], parts: [...subject.parts] }
    }
    const policy = await this.#options.policies.get(subject.projectId)
    const findings = await this.#words(subject)
    const audited = findings.verdict === 'reject' ? findings : await this.#audit(policy, subject, findings)
    onVerdict(subject.source, audited.verdict)
    const { verdict, reasons, parts } = audited
    if (verdict !== 'review') return { verdict, reasons, parts }
    return { verdict, reasons, parts, evidenceId: await this.openCase(subject, audited) }
  }

  /** A case about the subject with its content as evidence. */
  async openCase(
    subject: ScreeningSubject,
    { reasons, words = [] }: { reasons: readonly string[]; words?: readonly FoundWord[] },
  ): Promise<string> {
    const { projectId, messageId, conversationId, userId, source, parts } = subject
    const target =
      subject.target ?? (messageId === undefined ? undefined : { type: 'message' as const, id: messageId })
    const opened = await this.#options.cases.review(this.#options.database.project(projectId), {
      ...{ target, conversationId, userId, reasons },
      evidence: {
        source,
        content: bounded(parts),
        ...(words.length > 0 && { words: words.slice(0, 16).map(({ word, listId }) => ({ word, listId })) }),
      },
    })
    return opened.id
  }

  async #restricted({ projectId, userId, conversationId }: ScreeningSubject): Promise<string | undefined> {
    if (userId === undefined) return undefined
    const { view } = this.#options.restrictions
    if (await view.holding(projectId, userId, 'ban', conversationId)) return 'banned'
    if (await view.holding(projectId, userId, 'mute', conversationId)) return 'muted'
    return undefined
  }

  async #words({ projectId, conversationType, parts }: ScreeningSubject): Promise<Findings> {
    const filter = await this.#options.filters.get(projectId)
    const words: FoundWord[] = []
    const verdicts: ModerationVerdict[] = []
    const filtered = parts.map((part): ContentPart => {
      if (part.kind !== 'text') return part
      const { verdict, text, found } = filter.filter(part.text, conversationType)
      verdicts.push(verdict)
      words.push(...found)
      return { kind: 'text', text }
    })
    const verdict = severest(verdicts)
    return { verdict, reasons: verdict === 'pass' ? [] : ['word'], parts: filtered, words }
  }

  async #audit({ audit }: Policy, subject: ScreeningSubject, findings: Findings): Promise<Findings> {
    const { auditor } = this.#options
    if (audit === undefined) return findings
    // What is not a message cannot be taken back later.
    if (audit.mode === 'after' && subject.source === 'message') return findings
    const asked = { ...subject, parts: findings.parts }
    if (auditor.wanted(audit, asked.parts).length === 0) return findings
    const answer = await auditor.ask(audit, asked)
    if (answer === undefined) return worse(findings, audit.fallback, ['audit-unavailable'])
    if (answer.verdict !== 'replace') return worse(findings, answer.verdict, answer.reasons ?? ['audit'])
    const parts = replaced(findings.parts, answer)
    // Something is to be replaced, but not said by what: people decide.
    if (parts === undefined) return worse(findings, 'review', answer.reasons ?? ['audit'])
    return { ...worse(findings, 'replace', answer.reasons ?? ['audit']), parts }
  }
}

function worse(findings: Findings, verdict: ModerationVerdict, reasons: readonly string[]): Findings {
  if (verdict === 'pass') return findings
  const order = moderationVerdicts.indexOf(verdict) - moderationVerdicts.indexOf(findings.verdict)
  return {
    ...findings,
    verdict: order > 0 ? verdict : findings.verdict,
    reasons: [...findings.reasons, ...reasons],
  }
}

function replaced(parts: readonly ContentPart[], { text }: AuditAnswer): ContentPart[] | undefined {
  if (text === undefined || parts.filter((part) => part.kind === 'text').length !== 1) return undefined
  return parts.map((part) => (part.kind === 'text' ? { kind: 'text', text } : part))
}
