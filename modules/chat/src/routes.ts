import { AppError, chatEndpoints as endpoints } from '@parley/contracts'
import type { HttpServer } from '@parley/core/http'
import { actingUser } from '@parley/core/operations'
import { requireActingUser, requireCallerGrant } from './acting-user.ts'
import { destinationOf } from './message/send.ts'
import { optionsIn } from './message/send-options.ts'
import type { ChatService } from './service.ts'

/** Chat over REST. */
export function registerRoutes(http: HttpServer, chat: ChatService): void {
  registerConversationRoutes(http, chat)
  registerMessageRoutes(http, chat)
}

function registerConversationRoutes(http: HttpServer, chat: ChatService): void {
  http.route(endpoints.createConversation, async ({ caller, body }) => {
    requireCallerGrant(caller, 'send')
    const userId = actingUser(caller, undefined)
    if (userId !== undefined && body.ownerId !== undefined && body.ownerId !== userId) {
      throw new AppError('forbidden', 'Who makes a group becomes its owner')
    }
    return chat.groups.create({ projectId: caller.projectId, userId }, body)
  })

  http.route(endpoints.listConversations, async ({ caller, query }) => {
    requireCallerGrant(caller, 'read')
    return chat.conversations(caller.projectId, requireActingUser(caller, query.userId), query)
  })

  http.route(endpoints.syncConversations, async ({ caller, query }) => {
    requireCallerGrant(caller, 'read')
    const userId = requireActingUser(caller, query.userId)
    return chat.syncs.sync({ projectId: caller.projectId, userId, cursor: query.cursor, limit: query.limit })
  })

  http.route(endpoints.getConversation, async ({ caller, params, query }) => {
    requireCallerGrant(caller, 'read', params.conversationId)
    return chat.conversation(caller.projectId, params.conversationId, actingUser(caller, query.userId))
  })

  http.route(endpoints.updateConversation, async ({ caller, params, body, ifMatch }) => {
    requireCallerGrant(caller, 'send', params.conversationId)
    const { userId: named, ...change } = body
    const actor = { projectId: caller.projectId, userId: actingUser(caller, named) }
    return chat.groups.update(actor, params.conversationId, change, versionOf(ifMatch))
  })
}

function registerMessageRoutes(http: HttpServer, chat: ChatService): void {
  http.route(endpoints.sendMessage, async ({ caller, body }) => {
    const senderId = requireActingUser(caller, body.fromUserId, 'fromUserId')
    const { conversationId, toUserId, clientMessageId, content } = body
    const options = optionsIn(body)
    requireCallerGrant(caller, 'send', () => destinationOf(senderId, body))
    const { projectId } = caller
    const sent = await chat.sender.send({
      projectId,
      senderId,
      conversationId,
      toUserId,
      clientMessageId,
      content,
      options,
    })
    return {
      id: sent.messageId,
      conversationId: sent.conversationId,
      seq: sent.seq,
      createdAt: sent.createdAt.toISOString(),
    }
  })

  http.route(endpoints.findMessage, async ({ caller, query }) => {
    requireCallerGrant(caller, 'send')
    return chat.find(caller.projectId, requireActingUser(caller, query.userId), query.clientMessageId)
  })

  http.route(endpoints.listMessages, async ({ caller, params, query }) => {
    requireCallerGrant(caller, 'read', params.conversationId)
    const readerId = actingUser(caller, query.userId)
    return chat.history.list(caller.projectId, params.conversationId, readerId, query)
  })

  http.route(endpoints.getMessage, async ({ caller, params, query }) => {
    const message = await chat.history.get(
      caller.projectId,
      params.messageId,
      actingUser(caller, query.userId),
    )
    requireCallerGrant(caller, 'read', message.conversationId)
    return message
  })

  http.route(endpoints.editMessage, async ({ caller, params, body }) => {
    const actor = { projectId: caller.projectId, userId: actingUser(caller, body.userId) }
    requireCallerGrant(caller, 'send', await conversationOf(chat, actor, params.messageId))
    return chat.changes.edit(actor, params.messageId, body.content)
  })

  http.route(endpoints.recallMessage, async ({ caller, params, body }) => {
    const actor = { projectId: caller.projectId, userId: actingUser(caller, body.userId) }
    requireCallerGrant(caller, 'send', await conversationOf(chat, actor, params.messageId))
    return chat.changes.recall(actor, params.messageId)
  })

  http.route(endpoints.updateReadCursor, async ({ caller, params, body }) => {
    requireCallerGrant(caller, 'read', params.conversationId)
    const userId = requireActingUser(caller, body.userId)
    const { readSeq, unread } = await chat.read(caller.projectId, params.conversationId, userId, body.seq)
    return { readSeq, unread }
  })

  http.route(endpoints.listReadCursors, async ({ caller, params, query }) => {
    requireCallerGrant(caller, 'read', params.conversationId)
    const page = await chat.members(
      caller.projectId,
      params.conversationId,
      actingUser(caller, undefined),
      query,
    )
    const items = page.items.map(({ userId, readSeq, readAt, deliveredSeq }) => ({
      userId,
      readSeq,
      ...(deliveredSeq !== undefined && { deliveredSeq }),
      ...(readAt !== undefined && { readAt }),
    }))
    return { ...page, items }
  })

  http.route(endpoints.sendTyping, async ({ caller, params, body }) => {
    requireCallerGrant(caller, 'send', params.conversationId)
    await chat.typing(caller.projectId, params.conversationId, requireActingUser(caller, body.userId))
    return { done: true as const }
  })
}

/** Only tokens limited to some conversations need the look-up. */
async function conversationOf(
  chat: ChatService,
  actor: { projectId: string; userId: string | undefined },
  messageId: string,
): Promise<string> {
  return (await chat.history.get(actor.projectId, messageId, actor.userId)).conversationId
}

function versionOf(ifMatch: string | undefined): number | undefined {
  if (ifMatch === undefined) return undefined
  const version = /^(?:W\/)?"?(\d{1,15})"?$/.exec(ifMatch)?.[1]
  if (version === undefined) throw new AppError('invalid-request', 'If-Match names a version number')
  return Number(version)
}
