import { AppError } from '@parley/contracts'
import type { ContentPart, ScreeningService } from '@parley/moderation'
import type { ContentGate, Social } from '@parley/social'

const kinds = ['image', 'video', 'audio'] as const

/** What people publish goes through the screening that messages go through. What must be reviewed waits outside. */
export function contentGate(screening: Pick<ScreeningService, 'screen'>): ContentGate {
  return {
    check: async ({ projectId, userId, kind, texts, media }) => {
      const parts: ContentPart[] = texts.map((text) => ({ kind: 'text', text }))
      for (const { objectId, contentType } of media) {
        const shown = kinds.find((each) => contentType.startsWith(`${each}/`))
        parts.push({ kind: shown ?? 'file', objectId, contentType })
      }
      const target = { type: 'user', id: userId } as const
      const {
        verdict,
        reasons,
        parts: stored,
      } = await screening.screen({
        ...{ projectId, userId, source: kind, target, parts },
      })
      if (verdict === 'pass' || verdict === 'replace') {
        return stored.flatMap((part) => (part.kind === 'text' ? [part.text] : []))
      }
      if (reasons[0] === 'muted') throw new AppError('muted')
      if (reasons[0] === 'banned') throw new AppError('banned')
      throw new AppError(verdict === 'review' ? 'content-under-review' : 'content-rejected')
    },
  }
}

interface JoinGuard<Join> {
  check(join: Join): Promise<string[]>
}

/** One guard after the other: the next is asked about those whom the one before lets in. */
export function joinGuards<Join extends Parameters<Social['joinGuard']['check']>[0]>(
  first: Social['joinGuard'],
  second: JoinGuard<Join>,
): JoinGuard<Join> {
  return { check: async (join) => second.check({ ...join, userIds: await first.check(join) }) }
}
