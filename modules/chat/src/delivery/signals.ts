import type { ServerEvent } from '@parley/contracts'
import type { Bus } from '@parley/core/bus'
import type { Gateway } from '@parley/core/gateway'
import type { Logger } from '@parley/core/kernel'
import { hearsConversation } from '../acting-user.ts'
import type { ConversationViews } from '../conversation/conversation-views.ts'

/** An event for the members of a conversation, or for one user's devices, that is kept nowhere. */
interface Signal {
  projectId: string
  conversationId: string
  /** Only this user's devices; absent: all members. */
  onlyUserId?: string
  /** Whose doing it is; the user's own devices are passed over unless `onlyUserId` names them. */
  fromUserId: string
  event: ServerEvent
}

const topic = 'chat.signal'

export interface SignalsOptions {
  bus: Bus
  gateway: Gateway
  views: ConversationViews
  logger: Logger
}

/** Typing and read receipts on their way to whoever is connected, on every process. Lossy by design. */
export class Signals {
  readonly #options: SignalsOptions
  readonly #unsubscribe: () => void

  constructor(options: SignalsOptions) {
    this.#options = options
    this.#unsubscribe = options.bus.subscribe(topic, (signal) => {
      if (signal === null) return
      this.#deliver(signal as unknown as Signal).catch((error: unknown) => {
        options.logger.warn({ error }, 'a signal was not delivered')
      })
    })
  }

  send(signal: Signal): void {
    this.#options.bus.publish(topic, { ...signal })
  }

  close(): void {
    this.#unsubscribe()
  }

  async #deliver({ projectId, conversationId, onlyUserId, fromUserId, event }: Signal): Promise<void> {
    const { gateway, views } = this.#options
    const online = gateway.online(projectId)
    if (online.size === 0) return
    const frame = gateway.encode(event)
    const admits = hearsConversation(conversationId)
    if (onlyUserId !== undefined) {
      gateway.deliver(projectId, [onlyUserId], frame, admits)
      return
    }
    const { members } = await views.get(projectId, conversationId)
    const receivers = [...members].flatMap(([userId, { leftSeq }]) =>
      leftSeq === undefined && userId !== fromUserId && online.has(userId) ? [userId] : [],
    )
    gateway.deliver(projectId, receivers, frame, admits)
  }
}
