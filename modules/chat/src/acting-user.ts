import { AppError, type Grants } from '@parley/contracts'
import type { KeyCaller, UserCaller } from '@parley/core/auth'
import { actingUser } from '@parley/core/operations'

type ChatCaller = KeyCaller | UserCaller

/** As `actingUser`, where the call makes no sense without a user. `field` is the name the request uses. */
export function requireActingUser(caller: ChatCaller, named: string | undefined, field = 'userId'): string {
  const userId = actingUser(caller, named)
  if (userId !== undefined) return userId
  throw new AppError('invalid-request', `With an API key, ${field} names the acting user`, {
    issues: [{ path: field, message: 'is required with an API key' }],
  })
}

/**
 * Throws `grant-missing` unless the grants (absent: all ordinary rights) allow this. The conversation may be given as
 * a function where naming it costs something.
 */
export function requireChatGrant(
  grants: Grants | undefined,
  right: 'send' | 'read',
  conversation?: string | (() => string),
): void {
  if (grants === undefined) return
  const { chat } = grants
  if (chat?.[right] !== true) throw new AppError('grant-missing', `The token holds no grant chat.${right}`)
  if (chat.conversations === undefined) return
  const conversationId = typeof conversation === 'function' ? conversation() : conversation
  if (conversationId === undefined || !chat.conversations.includes(conversationId)) {
    throw new AppError('grant-missing', 'The token does not open this conversation')
  }
}

/** The same for a REST caller; API keys may everything in their project. */
export function requireCallerGrant(
  caller: ChatCaller,
  right: 'send' | 'read',
  conversation?: string | (() => string),
): void {
  if (caller.kind === 'user') requireChatGrant(caller.grants, right, conversation)
}

/** Whether a limited token hears of a conversation: what it may not read is not told to it either. */
export function hearsConversation(conversationId: string): (grants: Grants) => boolean {
  return ({ chat }) =>
    chat?.read === true && (chat.conversations === undefined || chat.conversations.includes(conversationId))
}
