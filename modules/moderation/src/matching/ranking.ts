import { type ModerationVerdict, moderationVerdicts } from '@parley/contracts'
import type { WordMatch } from './word-matcher.ts'

/** The most severe of them; `pass` when there are none. */
export function severest(verdicts: Iterable<ModerationVerdict>): ModerationVerdict {
  let worst = 0
  for (const verdict of verdicts) worst = Math.max(worst, moderationVerdicts.indexOf(verdict))
  return moderationVerdicts[worst] ?? 'pass'
}

/** Without words of allow lists and what lies wholly inside one; the most severe first, then the longest. */
export function ranked(matches: readonly WordMatch[]): WordMatch[] {
  const shields = matches.filter((match) => match.verdict === 'pass')
  const left = matches.filter(
    (match) =>
      match.verdict !== 'pass' &&
      !shields.some((shield) => shield.start <= match.start && match.end <= shield.end),
  )
  return left.sort(
    (a, b) =>
      moderationVerdicts.indexOf(b.verdict) - moderationVerdicts.indexOf(a.verdict) ||
      b.end - b.start - (a.end - a.start) ||
      a.start - b.start,
  )
}
