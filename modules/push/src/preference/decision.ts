import type { suppressionReasons } from '@parley/contracts'
import type { Preference } from './preference-store.ts'
import { isQuiet } from './quiet-hours.ts'

export type SuppressionReason = (typeof suppressionReasons)[number]

/** Why a user is not pushed to, as far as the user's own wishes go; undefined when nothing is in the way. */
export function whySuppressed(
  { level, conversationLevel, quietHours }: Preference,
  options: { mentioned: boolean; at: Date },
): SuppressionReason | undefined {
  const wanted = conversationLevel ?? level
  if (wanted === 'none') return 'muted'
  if (wanted === 'mentions' && !options.mentioned) return 'level'
  if (quietHours === undefined || !isQuiet(quietHours, options.at)) return undefined
  return options.mentioned && quietHours.mentionsPass ? undefined : 'quiet-hours'
}
