import { z } from 'zod'
import { message } from './chat-entries.ts'
import { anyId, customId, text } from './ids.ts'
import { operation } from './operation.ts'
import { pageOf, pageQuery, timestamp } from './pagination.ts'

export const searchableTypes = [
  'text',
  'image',
  'file',
  'video',
  'location',
  'contact',
  'merged-forward',
  'poll',
  'stream',
  'custom',
] as const

export const messageHit = z
  .object({
    message,
    words: z
      .array(z.string())
      .meta({ description: 'What was looked for, normalised: to be marked in the text' }),
  })
  .meta({ id: 'MessageHit' })
export type MessageHit = z.infer<typeof messageHit>

/** Looking for messages over all conversations of a user. */
export const searchOperations = {
  'message.search': operation({
    name: 'searchMessages',
    tag: 'messages',
    method: 'GET',
    path: '/v1/messages/search',
    summary: 'Messages the user may see that hold all words, newest first; the last word may be unfinished',
    right: 'read',
    params: {},
    input: {
      q: text(200).min(1),
      conversationId: anyId.optional(),
      senderId: customId.optional(),
      contentType: z.enum(searchableTypes).optional(),
      after: timestamp.optional(),
      before: timestamp.optional(),
      limit: pageQuery.shape.limit,
      cursor: pageQuery.shape.cursor,
    },
    status: 200,
    answer: pageOf(messageHit),
    errors: ['invalid-cursor', 'conversation-not-found', 'not-a-member'],
  }),
} as const
