import type { Mentions } from '@parley/client'

/** Whom a `@name` in a text means. */
export type MentionTarget =
  | { kind: 'user'; userId: string; name: string }
  | { kind: 'all' | 'online'; name: string }

/** The mentions whose name still stands in the text. */
export function mentionsIn(text: string, targets: readonly MentionTarget[]): Mentions | undefined {
  const present = targets.filter(({ name }) => text.includes(`@${name}`))
  if (present.length === 0) return undefined
  const userIds = [...new Set(present.flatMap((target) => (target.kind === 'user' ? [target.userId] : [])))]
  return {
    ...(userIds.length > 0 && { userIds }),
    ...(present.some(({ kind }) => kind === 'all') && { all: true }),
    ...(present.some(({ kind }) => kind === 'online') && { online: true }),
  }
}

/** The beginning of a mention right before the caret: its text without the `@`, and where the `@` stands. */
export function mentionBefore(text: string, caret: number): { query: string; from: number } | undefined {
  const found = /(?:^|[\s(（，。、])@([^\s@]{0,32})$/u.exec(text.slice(0, caret))
  const query = found?.[1]
  return query === undefined ? undefined : { query, from: caret - query.length - 1 }
}
