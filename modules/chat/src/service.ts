import { AppError, type ConversationView, type Message } from '@parley/contracts'
import type { Bus } from '@parley/core/bus'
import type { Gateway } from '@parley/core/gateway'
import type { Logger } from '@parley/core/kernel'
import type { Outbox } from '@parley/core/outbox'
import type { PageRequest } from '@parley/core/pages'
import type { Database } from '@parley/core/store'
import { botsAmong } from './bot/bots.ts'
import { Communities } from './community/communities.ts'
import { enterChannel } from './community/enter-channel.ts'
import type { ChatSettings } from './config.ts'
import { listViews, readViews } from './conversation/conversation-list.ts'
import { type ConversationRow, conversationColumns, toConversation } from './conversation/conversation-row.ts'
import { ConversationViews, requireMember } from './conversation/conversation-views.ts'
import { Groups } from './conversation/groups.ts'
import { listMembers, requireReader } from './conversation/member-list.ts'
import { DirectConversations } from './conversation/open-direct.ts'
import { readAudience, readAudienceAmong } from './delivery/audience.ts'
import { FanOut } from './delivery/fan-out.ts'
import { Signals } from './delivery/signals.ts'
import { ConversationNotFoundError, NotAMemberError } from './errors.ts'
import { type GroupParts, groupParts } from './group/group-parts.ts'
import { Annotations } from './message/annotate.ts'
import { type AppendedRun, Appender } from './message/append.ts'
import { contentDecorator } from './message/attachments.ts'
import { MessageChanges } from './message/change-message.ts'
import type { ContentDecorator } from './message/entry-row.ts'
import { History } from './message/history.ts'
import type { MessageParts } from './message/message-parts.ts'
import { MessageSender } from './message/send.ts'
import { Notices } from './notice/notices.ts'
import type { ChatPorts } from './ports.ts'
import { DeliveredCursors, type DeliveredOutcome, readTaken } from './receipt/delivered-cursors.ts'
import { ReadCursors, type ReadOutcome } from './receipt/read-cursors.ts'
import { readUnreadTotal } from './receipt/unread.ts'
import { MessageSearch } from './search/message-search.ts'
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
  readonly group: GroupParts
  readonly communities: Communities
  readonly notices: Notices
  readonly history: History
  readonly changes: MessageChanges
  readonly annotations: Annotations
  /** What the operations on messages stand on. */
  readonly parts: MessageParts
  readonly sender: MessageSender
  readonly search: MessageSearch
  readonly syncs: ConversationSync
  readonly fanOut: FanOut
  readonly #options: ChatServiceOptions
  readonly #views: ConversationViews
  readonly #directs: DirectConversations
  readonly #appender: Appender
  readonly #cursors: ReadCursors
  readonly #delivered: DeliveredCursors
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
    this.#delivered = new DeliveredCursors({
      database,
      lanes: settings.appendLanes,
      onMoved: (moved) => this.#tellDelivered(moved),
    })
    this.groups = new Groups({ database, outbox, ports, settings, onAppended })
    this.notices = new Notices({ database, outbox, users: ports.users })
    this.communities = new Communities({ groups: this.groups, database, outbox })
    this.group = groupParts({ groups: this.groups, database, outbox, ports })
    this.history = new History(database, decorate)
    this.annotations = new Annotations({ database, outbox, decorate, onAppended })
    this.parts = {
      database,
      outbox,
      ports,
      settings,
      views,
      decorate,
      onAppended,
      logger,
      annotations: this.annotations,
      history: this.history,
      signals: this.#signals,
      send: (command) => this.sender.send(command),
      onAdmitted: [],
    }
    this.changes = new MessageChanges({ database, outbox, ports, views, decorate, onAppended })
    this.sender = new MessageSender({
      database,
      views,
      directs: this.#directs,
      appender: this.#appender,
      ports,
      onAdmitted: (content) => {
        for (const each of this.parts.onAdmitted) {
          const task = each(content)
          if (task !== undefined) return task
        }
        return undefined
      },
    })
    this.search = new MessageSearch(database, decorate)
    this.syncs = new ConversationSync({ database, outbox, decorate })
  }

  /** Those of the users named who are bots. */
  botsAmong(projectId: string, userIds: readonly string[]): Promise<Set<string>> {
    return botsAmong(this.#options.database.project(projectId), userIds)
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
    if (userId === undefined) return toConversation(row)
    const { database } = this.#options
    if (await enterChannel(database, projectId, conversationId, userId))
      return this.conversation(projectId, conversationId, userId)
    throw new NotAMemberError(userId, conversationId)
  }

  conversations(projectId: string, userId: string, page: PageRequest) {
    return listViews(this.#options.database.project(projectId), userId, page, this.#decorate)
  }

  async members(projectId: string, conversationId: string, readerId: string | undefined, page: PageRequest) {
    const project = this.#options.database.project(projectId)
    await requireReader(project, conversationId, readerId)
    return listMembers(project, conversationId, page)
  }

  /** The direct conversation with a user, made when it is not there yet. Throws `user-not-found`. */
  async openDirect(projectId: string, userId: string, peerId: string): Promise<ConversationView> {
    const conversationId = await this.#directs.open(projectId, userId, peerId)
    try {
      return await this.conversation(projectId, conversationId, userId)
    } catch (error) {
      if (!(error instanceof NotAMemberError)) throw error
      await this.#directs.reopen(projectId, userId, peerId)
      return this.conversation(projectId, conversationId, userId)
    }
  }

  async read(projectId: string, conversationId: string, userId: string, seq: number): Promise<ReadOutcome> {
    const command = { projectId, conversationId, userId, seq }
    try {
      return await this.#cursors.move(command)
    } catch (error) {
      if (!(error instanceof NotAMemberError)) throw error
      if (!(await enterChannel(this.#options.database, projectId, conversationId, userId))) throw error
      return this.#cursors.move(command)
    }
  }

  /** Notes that everything up to `seq` has reached a device of the user. Nothing is kept of large conversations. */
  async delivered(projectId: string, conversationId: string, userId: string, seq: number): Promise<number> {
    const members = await this.#views.get(projectId, conversationId)
    requireMember(members, userId)
    if (members.members.size >= this.#options.settings.largeFrom) return 0
    return (await this.#delivered.move({ projectId, conversationId, userId, seq })).deliveredSeq
  }

  /** Those of the users named who have the entry already: delivered to a device, or read, at or past `seq`. */
  taken(
    projectId: string,
    conversationId: string,
    seq: number,
    userIds: readonly string[],
  ): Promise<Set<string>> {
    return readTaken(this.#options.database.project(projectId), conversationId, seq, userIds)
  }

  /** A page of those who were members when the entry was written and still are. */
  audience(
    projectId: string,
    conversationId: string,
    seq: number,
    page: { afterUserId: string; limit: number },
  ): Promise<string[]> {
    return readAudience(this.#options.database.project(projectId), conversationId, seq, page)
  }

  /** Those of the users named who belong to the audience of the entry. */
  audienceAmong(
    projectId: string,
    conversationId: string,
    seq: number,
    userIds: readonly string[],
  ): Promise<string[]> {
    return readAudienceAmong(this.#options.database.project(projectId), conversationId, seq, userIds)
  }

  /** Unread messages of a user over all conversations, at most 999. */
  unreadTotal(projectId: string, userId: string): Promise<number> {
    return readUnreadTotal(this.#options.database.project(projectId), userId)
  }

  /** Owner and admins of a group: who decides about requests to join. */
  async deciders(projectId: string, conversationId: string): Promise<string[]> {
    const { members } = await this.#views.get(projectId, conversationId)
    return [...members].flatMap(([userId, { role, leftSeq }]) =>
      role !== 'member' && leftSeq === undefined ? [userId] : [],
    )
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
    await Promise.all([this.#appender.close(), this.#cursors.close(), this.#delivered.close()])
    this.fanOut.close()
    this.#signals.close()
  }

  #tellDelivered({ projectId, conversationId, userId, peerId, deliveredSeq }: DeliveredOutcome): void {
    if (peerId === undefined) return
    const event = { type: 'conversation.delivered' as const, conversationId, userId, deliveredSeq }
    this.#signals.send({ projectId, conversationId, fromUserId: userId, onlyUserId: peerId, event })
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
