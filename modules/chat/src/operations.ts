import { type ChatOperations, chatOperations, type Grants } from '@parley/contracts'
import type { Gateway } from '@parley/core/gateway'
import type { HttpServer } from '@parley/core/http'
import { type Actor, Operations as Doors, type OperationCall } from '@parley/core/operations'
import { requireChatGrant } from './acting-user.ts'

export type { UserActor } from '@parley/core/operations'
export type Operations = Doors<ChatOperations>

export interface OperationDoors {
  http: HttpServer
  gateway: Gateway
  /** The conversation of a message the actor may see; throws `message-not-found`. */
  conversationOf: (actor: Actor, messageId: string) => Promise<string>
}

/** Both doors for what users do in chat; what a limited token opens is judged before. */
export function openOperations({ http, gateway, conversationOf }: OperationDoors): Operations {
  const authorize = async ({ actor, grants, right, input }: OperationCall): Promise<void> => {
    const { chatRoomId, conversationId = chatRoomId, messageId, toUserId } = input
    // The operation judges itself where it leads, once it knows.
    if (conversationId === undefined && messageId === undefined && toUserId !== undefined) return
    // Only tokens limited to some conversations need the look-up of where a message is.
    const limited = grants?.chat?.conversations !== undefined
    const place =
      limited && conversationId === undefined && typeof messageId === 'string'
        ? await conversationOf(actor, messageId)
        : conversationId
    requireChatGrant(grants, right, typeof place === 'string' ? place : undefined)
  }
  return new Doors({ http, gateway, operations: chatOperations, authorize })
}

/** Throws `grant-missing` unless the token may do this somewhere, whatever conversations it is limited to. */
export function requireSomewhere(grants: Grants | undefined, right: 'send' | 'read'): void {
  if (grants?.chat === undefined) {
    requireChatGrant(grants, right)
    return
  }
  const { conversations: _, ...chat } = grants.chat
  requireChatGrant({ ...grants, chat }, right)
}
