import { AppError, type ConversationView, type Message } from '@parley/contracts'
import type { Bus } from '@parley/core/bus'
import type { Gateway } from '@parley/core/gateway'
import type { Logger } from '@parley/core/kernel'
import type { Outbox } from '@parley/core/outbox'
import type { Database } from '@parley/core/store'
import type { ChatSettings } from './config.ts'
import { listViews, readViews } from './conversation/conversation-list.ts'
import { type ConversationRow, conversationColumns, toConversation } from './conversation/conversation-row.ts'
import { ConversationViews, requireMember } from './conversation/conversation-views.ts'
import { Groups } from './conversation/groups.ts'
import { listMembers, requireReader } from './conversation/member-list.ts'
import { DirectConversations } from './conversation/open-direct.ts'
import { FanOut } from './delivery/fan-out.ts'
import { Signals } from './delivery/signals.ts'
import { ConversationNotFoundError, NotAMemberError } from './errors.ts'
import { type AppendedRun, Appender } from './message/append.ts'
import { contentDecorator } from './message/attachments.ts'
import { MessageChanges } from './message/change-message.ts'
import type { ContentDecorator } from './message/entry-row.ts'
import { History } from './message/history.ts'
import { MessageSender } from './message/send.ts'
import type { ChatPorts } from './ports.ts'
import { ReadCursors, type ReadOutcome } from './receipt/read-cursors.ts'
import { ConversationSync } from './sync/sync.ts'

export interface ChatServiceOptions {
  database: Database
  outbox: Outbox
  bus: Bus
  gateway: Gateway
  logger: Logger
  settings: ChatSettings
  ports: ChatPorts
}

/**
 * Chat for whoever calls: REST, realtime and other modules. `userId` absent means the customer's server, which
 * sees every conversation of its project. It owns its appender, cursors and fan-out; `close()` drains them.
 */
export class ChatService {
  readonly groups: Groups
  readonly history: History
  readonly changes: MessageChanges
  readonly sender: MessageSender
  readonly syncs: ConversationSync
  readonly fanOut: FanOut
  readonly #options: ChatServiceOptions
  readonly #views: ConversationViews
  readonly #directs: DirectConversations
  readonly #appender: Appender
  readonly #cursors: ReadCursors
  readonly #signals: Signals
  readonly #decorate: ContentDecorator

  constructor(options: ChatServiceOptions) {
    const { database, outbox, bus, gateway, logger, settings, ports } = options
    this.#options = options
    const decorate = contentDecorator(ports.attachments)
    const views = new ConversationViews(database, settings.viewMembers)
    this.#decorate = decorate
    this.#views = views
    this.#signals = new Signals({ bus, gateway, views, logger })
    this.fanOut = new FanOut({ bus, gateway, database, views, decorate, logger })
    const onAppended = (run: AppendedRun): void => this.fanOut.handleAppended(run)
    this.#directs = new DirectConversations({ database, outbox, users: ports.users })
    this.#appender = new Appender({ database, outbox, settings, onAppended })
    const onMoved = (outcome: ReadOutcome): void => this.#tellRead(outcome)
    this.#cursors = new ReadCursors({ database, outbox, lanes: settings.appendLanes, onMoved })
    this.groups = new Groups({ database, outbox, ports, settings, onAppended })
    this.history = new History(database, decorate)
    this.changes = new MessageChanges({ database, outbox, ports, decorate, onAppended })
    this.sender = new MessageSender({
      database,
      views,
      directs: this.#directs,
      appender: this.#appender,
      ports,
    })
    this.syncs = new ConversationSync({ database, outbox, decorate })
  }

  /** One conversation as a member sees it, or bare for the customer's server. */
  async conversation(projectId: string, conversationId: string, userId: string): Promise<ConversationView>
  async conversation(
    projectId: string,
    conversationId: string,
    userId: string | undefined,
  ): Promise<ConversationView | ReturnType<typeof toConversation>>
  async conversation(projectId: string, conversationId: string, userId: string | undefined) {
    const project = this.#options.database.project(projectId)
    if (userId !== undefined) {
      const [view] = await readViews(project, userId, [conversationId], this.#decorate)
      if (view !== undefined) return view
    }
    const { rows } = await project.query<ConversationRow>({
      text: `select ${conversationColumns} from chat.conversations c where c.project_id = $1 and c.id = $2`,
      values: [projectId, conversationId],
    })
    const [row] = rows
    if (row === undefined) throw new ConversationNotFoundError(conversationId)
    if (userId !== undefined) throw new NotAMemberError(userId, conversationId)
    return toConversation(row)
  }

  conversations(projectId: string, userId: string, page: { limit: number; cursor?: string | undefined }) {
    return listViews(this.#options.database.project(projectId), userId, page, this.#decorate)
  }

  async members(
    projectId: string,
    conversationId: string,
    readerId: string | undefined,
    page: { limit: number; cursor?: string | undefined },
  ) {
    const project = this.#options.database.project(projectId)
    await requireReader(project, conversationId, readerId)
    return listMembers(project, conversationId, page)
  }

  /** The direct conversation with a user, made when it is not there yet. Throws `user-not-found`. */
  async openDirect(projectId: string, userId: string, peerId: string): Promise<ConversationView> {
    const conversationId = await this.#directs.open(projectId, userId, peerId)
    return this.conversation(projectId, conversationId, userId)
  }

  read(projectId: string, conversationId: string, userId: string, seq: number): Promise<ReadOutcome> {
    return this.#cursors.move({ projectId, conversationId, userId, seq })
  }

  async typing(projectId: string, conversationId: string, userId: string): Promise<void> {
    const members = await this.#views.get(projectId, conversationId)
    requireMember(members, userId)
    if (members.members.size >= this.#options.settings.largeFrom) return
    const event = { type: 'conversation.typing' as const, conversationId, userId }
    this.#signals.send({ projectId, conversationId, fromUserId: userId, event })
  }

  /** The message as the caller sent it, found again by its clientMessageId. */
  find(projectId: string, userId: string | undefined, clientMessageId: string): Promise<Message> {
    if (userId === undefined) throw new AppError('invalid-request', 'userId names the sender')
    return this.history.find(projectId, userId, clientMessageId)
  }

  async close(): Promise<void> {
    await Promise.all([this.#appender.close(), this.#cursors.close()])
    this.fanOut.close()
    this.#signals.close()
  }

  #tellRead({ projectId, conversationId, userId, readSeq }: ReadOutcome): void {
    const event = { type: 'conversation.read' as const, conversationId, userId, readSeq }
    const signal = { projectId, conversationId, fromUserId: userId, event }
    this.#signals.send({ ...signal, onlyUserId: userId })
    this.#views
      .get(projectId, conversationId)
      .then(({ members }) => {
        if (members.size <= this.#options.settings.receiptsUpTo) this.#signals.send(signal)
      })
      .catch((error: unknown) => this.#options.logger.warn({ error }, 'a read receipt was not sent'))
  }
}
