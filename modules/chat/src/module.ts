import { readSettings } from '@parley/core/kernel'
import type { StoredEvent } from '@parley/core/outbox'
import type { Platform } from '@parley/core/platform'
import { hearsConversation } from './acting-user.ts'
import { chatSettings } from './config.ts'
import { conversationWebhookSource } from './delivery/webhook-source.ts'
import { chatMigrations } from './migrations/index.ts'
import type { ChatPorts } from './ports.ts'
import { registerFrames } from './realtime.ts'
import { registerRoutes } from './routes.ts'
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
  startUserChanges(outbox, database)
  webhooks.source('conversation.appended', conversationWebhookSource(ports.attachments))
  webhooks.forward('conversation.created')
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
      await database.system.query({
        text: `delete from chat.send_keys where created_at < now() - interval '${sendKeyDays} days'`,
      })
    },
  })
  await jobs.schedule('chat-forget-send-keys', { everyMs: hourMs })
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
