import { z } from 'zod'
import { text } from './ids.ts'

/** From the mildest to the most severe; `pass` in a word list makes its words shield what they cover. */
export const moderationVerdicts = ['pass', 'replace', 'review', 'reject'] as const
export const moderationVerdict = z.enum(moderationVerdicts).meta({ id: 'ModerationVerdict' })
export type ModerationVerdict = z.infer<typeof moderationVerdict>

const conversationTypes = z.array(text(32).min(1)).min(1).max(16)
/** Where a word list or an audit applies. */
export const moderationScope = z.union([z.literal('all'), conversationTypes]).meta({
  description: '`all`, or types of conversations (direct, group, chatroom, community, ...)',
})

export const moderationInstant = z
  .int()
  .min(0)
  .max(8_640_000_000_000_000)
  .meta({ description: 'Milliseconds since 1970 in UTC' })
