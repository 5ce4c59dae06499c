import { z } from 'zod'
import { anyId, customId } from './ids.ts'

/** With an API key the acting user is named; with a user token it is the token's. */
export const actingUser = {
  userId: customId.optional().meta({ description: 'Acting user; required with an API key' }),
}
export const byConversation = z.object({ conversationId: anyId })
export const byMessage = z.object({ messageId: anyId })
