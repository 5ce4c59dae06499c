import { readSettings } from '@parley/core/kernel'
import type { StoredEvent } from '@parley/core/outbox'
import type { Platform } from '@parley/core/platform'
import { hearsConversation } from './acting-user.ts'
import { startBots } from './bot/start-bots.ts'
import { startChatRooms } from './chatroom/start-chatrooms.ts'
import { chatSettings } from './config.ts'
import { startData } from './data/start-data.ts'
import { conversationWebhookSource } from './delivery/webhook-source.ts'
import { scheduleForgetting } from './group/forget-expired.ts'
import { groupEventTypes, tellGroupEvents } from './group/group-events.ts'
import { registerGroups } from './group/group-operations.ts'
import { startMessageOperations } from './message/message-operations.ts'
import { chatMigrations } from './migrations/index.ts'
import { openNotices } from './notice/notice-doors.ts'
import { openOperations } from './operations.ts'
import type { ChatPorts } from './ports.ts'
import { registerFrames } from './realtime.ts'
import { registerReceipts } from './receipt/receipt-operations.ts'
import { registerRoutes } from './routes.ts'
import { startSearchIndex } from './search/search-index.ts'
import { registerSearch } from './search/search-operations.ts'
import { ChatService } from './service.ts'
import { startUserChanges } from './sync/user-changes.ts'

const hourMs = 3_600_000
/** Longer than the seven days that are promised, by a day for clocks that differ. */
const sendKeyDays = 8

/**
 * Starts chat on the platform: schema, REST, realtime, the change log, the sweep, and the clean-up of idempotency
 * keys. The platform's scope owns what is started; the service it returns is drained with it.
 */
export async function createChat(platform: Platform, ports: ChatPorts): Promise<ChatService> {
  const { database, outbox, bus, gateway, http, jobs, webhooks } = platform
  const scope = platform.scope.child('chat')
  const logger = platform.logger.child({ module: 'chat' })
  const settings = readSettings(chatSettings, platform.source)
  await database.migrate(chatMigrations)

  const chat = new ChatService({ database, outbox, bus, gateway, logger, settings, ports })
  scope.own('service', chat)
  registerRoutes(http, chat)
  registerFrames(gateway, chat)
  const operations = openOperations({
    http,
    gateway,
    conversationOf: async ({ projectId, userId }, messageId) =>
      (await chat.history.get(projectId, messageId, userId)).conversationId,
  })
  registerGroups(operations, chat)
  startBots(platform, scope, { operations, chat, users: ports.users })
  scope.onClose('notices', openNotices(platform, operations, chat.notices))
  registerReceipts(operations, chat)
  startMessageOperations(platform, operations, chat.parts, scope)
  registerSearch(operations, chat.search)
  await startData(platform, chat.parts)
  await startChatRooms({ platform, operations, settings, ports, scope })
  startUserChanges(outbox, database)
  startSearchIndex(outbox, database)
  webhooks.source('conversation.appended', conversationWebhookSource(ports.attachments))
  webhooks.forward('conversation.created')
  for (const type of groupEventTypes) webhooks.forward(type)
  scope.onClose('group events', tellGroupEvents(platform, chat))
  const stopSweep = outbox.tail({
    types: sweptTypes,
    handle: (events) => {
      for (const event of events) sweep(platform, chat, event)
    },
  })
  scope.onClose('sweep', stopSweep)
  scope.every('forget-quiet', 60_000, () => chat.fanOut.forgetQuiet())

  jobs.define({
    name: 'chat-forget-send-keys',
    handle: async () => {
      for (const keys of ['send_keys', 'chatroom_gifts'])
        await database.system.query({
          text: `delete from chat.${keys} where created_at < now() - interval '${sendKeyDays} days'`,
        })
    },
  })
  await jobs.schedule('chat-forget-send-keys', { everyMs: hourMs })
  await scheduleForgetting(platform)
  return chat
}

const sweptTypes = ['conversation.appended', 'conversation.created', 'conversation.members-added'] as const

/** What any process committed, seen by this one: fan-out finds lost notes by it, and users hear where they joined. */
function sweep({ gateway }: Platform, chat: ChatService, { projectId, type, data }: StoredEvent): void {
  if (type === 'conversation.appended') {
    const { conversationId, fromSeq, toSeq, version } = data as { conversationId: string } & Record<
      'fromSeq' | 'toSeq' | 'version',
      number
    >
    chat.fanOut.handleNews(projectId, conversationId, { fromSeq, toSeq, version })
    return
  }
  const { conversationId, memberIds, userIds } = data as {
    conversationId: string
    memberIds?: string[]
    userIds?: string[]
  }
  const joined = gateway.encode({ type: 'conversation.joined', conversationId })
  gateway.deliver(projectId, memberIds ?? userIds ?? [], joined, hearsConversation(conversationId))
}
