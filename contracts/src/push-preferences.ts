import { z } from 'zod'
import { endpoint } from './endpoint.ts'
import { anyId } from './ids.ts'
import { acting, tag } from './push-call.ts'
import { timeZone } from './push-devices.ts'

/** Of which messages a user wants to hear: all, those that mention them, or none. */
export const pushLevel = z.enum(['all', 'mentions', 'none']).meta({ id: 'PushLevel' })
export type PushLevel = z.infer<typeof pushLevel>

const clock = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'is not a time such as 22:00')

/** A daily span without pushes; one that ends before it starts goes over midnight. */
export const quietHours = z
  .object({
    start: clock,
    end: clock,
    timeZone,
    mentionsPass: z.boolean().default(false).meta({ description: 'Mentions are pushed all the same' }),
  })
  .meta({ id: 'QuietHours' })
export type QuietHours = z.infer<typeof quietHours>

export const pushPreferences = z
  .object({
    level: pushLevel,
    quietHours: quietHours.optional(),
    showContent: z
      .boolean()
      .meta({ description: 'false: pushes say that there is a message, not what it says' }),
    conversations: z
      .array(z.object({ conversationId: z.string(), level: pushLevel }))
      .meta({ description: 'Levels that differ, at most 500 are shown' }),
  })
  .meta({ id: 'PushPreferences' })
export type PushPreferences = z.infer<typeof pushPreferences>

/** Which pushes a user wants. */
export const pushPreferenceCalls = {
  getPushPreferences: endpoint({
    name: 'getPushPreferences',
    tag,
    method: 'GET',
    path: '/v1/push/preferences',
    auth: 'key-or-user',
    summary: 'Of what a user wants to hear',
    query: z.object({ userId: acting }),
    status: 200,
    answer: pushPreferences,
    errors: [],
  }),
  putPushPreferences: endpoint({
    name: 'putPushPreferences',
    tag,
    method: 'PUT',
    path: '/v1/push/preferences',
    auth: 'key-or-user',
    audit: false,
    summary: 'Change of what a user wants to hear; what is not named stays',
    body: z.object({
      level: pushLevel.optional(),
      quietHours: quietHours.nullable().optional(),
      showContent: z.boolean().optional(),
      userId: acting,
    }),
    status: 200,
    answer: pushPreferences,
    errors: ['user-not-found'],
  }),
  putPushConversationPreference: endpoint({
    name: 'putPushConversationPreference',
    tag,
    method: 'PUT',
    path: '/v1/push/preferences/conversations/{conversationId}',
    auth: 'key-or-user',
    audit: false,
    summary: 'Of what of one conversation a user wants to hear; null follows the level of the user again',
    params: z.object({ conversationId: anyId }),
    body: z.object({ level: pushLevel.nullable(), userId: acting }),
    status: 200,
    answer: z.object({ conversationId: z.string(), level: pushLevel.nullable() }),
    errors: ['user-not-found', 'conversation-not-found', 'not-a-member', 'limit-exceeded'],
  }),
} as const
