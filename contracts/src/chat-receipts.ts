import { z } from 'zod'
import { byConversation } from './chat-parameters.ts'
import { operation } from './operation.ts'

const memberErrors = ['conversation-not-found', 'not-a-member'] as const

/** How far messages came, and how many wait. */
export const receiptOperations = {
  'conversation.delivered': operation({
    name: 'updateDeliveredCursor',
    tag: 'messages',
    method: 'PUT',
    path: '/v1/conversations/{conversationId}/delivered-cursor',
    summary: 'Tell that everything up to a seq has reached a device of the user; it never moves back',
    right: 'read',
    params: byConversation.shape,
    input: { seq: z.int().min(0) },
    status: 200,
    answer: z.object({ deliveredSeq: z.int() }),
    errors: memberErrors,
  }),
  'conversation.unread-total': operation({
    name: 'getUnreadTotal',
    tag: 'messages',
    method: 'GET',
    path: '/v1/unread-total',
    summary: 'Unread messages of a user over all conversations, at most 999',
    right: 'read',
    params: {},
    input: {},
    status: 200,
    answer: z.object({ unread: z.int().min(0).max(999) }),
    errors: [],
  }),
} as const
