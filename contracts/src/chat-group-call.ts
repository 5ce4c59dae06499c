import { z } from 'zod'
import { byConversation } from './chat-parameters.ts'
import { customId, text } from './ids.ts'

// What the calls of all parts of a group have in common.

export const byMember = { ...byConversation.shape, userId: customId }
export const reason = text(500).optional()
/** At most ten years; absent means for good. */
export const durationMs = z
  .int()
  .min(1_000)
  .max(10 * 366 * 86_400_000)
  .optional()
  .meta({ description: 'Absent: until it is lifted' })

export const known = ['conversation-not-found', 'not-a-member', 'forbidden'] as const
export const common = { tag: 'groups', status: 200 } as const
export const path = '/v1/conversations/{conversationId}'
