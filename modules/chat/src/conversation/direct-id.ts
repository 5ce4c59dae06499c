import { hash } from 'node:crypto'

/**
 * The id of the direct conversation of two users (or of one with themselves): a function of the pair, so that
 * two first messages that cross, on whatever processes, meet in one conversation.
 */
export function directConversationId(firstUserId: string, secondUserId: string): string {
  const pair = JSON.stringify([firstUserId, secondUserId].sort())
  return `conv_d${hash('sha256', pair, 'base64url').slice(0, 26)}`
}
