import {
  AppError,
  type MessageContent,
  type MessageFacts,
  newId,
  type SendOptions,
  type StoredContent,
} from '@parley/contracts'
import type { Database } from '@parley/core/store'
import { enterChannel } from '../community/enter-channel.ts'
import {
  type ConversationMembers,
  type ConversationViews,
  requireVoice,
} from '../conversation/conversation-views.ts'
import { directConversationId } from '../conversation/direct-id.ts'
import type { DirectConversations } from '../conversation/open-direct.ts'
import { NotAMemberError } from '../errors.ts'
import type { ChatPorts, GuardedOperation } from '../ports.ts'
import { admit } from './admission.ts'
import type { AppendedMessage, Appender, OutgoingEntry } from './append.ts'
import { withAttachment } from './attachments.ts'
import { mergeMessages } from './copy.ts'
import { messageDigest } from './digest.ts'
import { countThread } from './erase.ts'
import type { EntryExtras } from './log.ts'
import { optionsIn, resolveOptions } from './send-options.ts'
import { Turnstile } from './turnstile.ts'

export interface SendCommand {
  projectId: string
  senderId: string
  conversationId?: string | undefined
  toUserId?: string | undefined
  clientMessageId: string
  content: MessageContent
  options?: SendOptions | undefined
  /** Stands for the content that guards were shown: a stream that is about to grow, a copy. */
  stored?: StoredContent
  facts?: MessageFacts
  /** As of an entry: work in its transaction. */
  alongside?: OutgoingEntry['alongside']
  /** What guards are told of it; `send` when absent. */
  operation?: GuardedOperation
}

export interface SenderOptions {
  database: Database
  views: ConversationViews
  directs: DirectConversations
  appender: Appender
  ports: ChatPorts
  /** What has to happen in the transaction of a message with this content; most have nothing. */
  onAdmitted?: (content: StoredContent) => OutgoingEntry['alongside']
}

/** Takes a message from a caller to the log: resolves where it goes, checks, then appends. */
export class MessageSender {
  readonly #options: SenderOptions
  readonly #turnstile = new Turnstile()

  constructor(options: SenderOptions) {
    this.#options = options
  }

  /** Answers once the message is durable. The same clientMessageId again answers the first message. */
  async send(command: SendCommand): Promise<AppendedMessage> {
    const { projectId, senderId, toUserId } = command
    try {
      return await this.#attempt(command)
    } catch (error) {
      if (!(error instanceof NotAMemberError) || toUserId === undefined) throw error
      // Whoever uses the id of an erased user is let into the direct conversation anew.
      const { directs, views } = this.#options
      await views.latest(projectId, await directs.reopen(projectId, senderId, toUserId))
      return this.#attempt(command)
    }
  }

  #attempt(command: SendCommand): Promise<AppendedMessage> {
    const conversationId = destinationOf(command.senderId, command)
    return this.#turnstile.run(
      JSON.stringify([command.projectId, command.senderId, conversationId]),
      () => this.#prepare(command, conversationId),
      (entry) => this.#options.appender.submit(entry),
    )
  }

  async #prepare(command: SendCommand, conversationId: string): Promise<OutgoingEntry> {
    const { projectId, senderId, clientMessageId } = command
    const members = await this.#membersFor(command, conversationId)
    const content = await this.#admit(command, members)
    const extras = await this.#extras(command, members)
    const alongside = this.#alongside(command, content, extras)
    return {
      projectId,
      conversationId,
      id: newId('message'),
      senderId,
      clientMessageId,
      content,
      bearsUnread: true,
      digest: messageDigest(conversationId, command.content, command.options),
      checkedVersion: members.version,
      ...(extras !== undefined && { extras }),
      ...(alongside !== undefined && { alongside }),
    }
  }

  async #membersFor(command: SendCommand, conversationId: string): Promise<ConversationMembers> {
    const { views, directs } = this.#options
    const { projectId, senderId, toUserId } = command
    if (toUserId !== undefined) await directs.open(projectId, senderId, toUserId, conversationId)
    const members = await views.forSender(projectId, conversationId, senderId)
    try {
      requireVoice(members, senderId)
      const own = members.members.get(senderId)
      const opened = own !== undefined && own.leftSeq === undefined
      if (!members.isPublic || opened) return members
      await enterChannel(this.#options.database, projectId, conversationId, senderId)
      return await views.latest(projectId, conversationId)
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      // The view may be older than the membership or the voice: look once more before refusing.
      const newest = await views.latest(projectId, conversationId)
      requireVoice(newest, senderId)
      return newest
    }
  }

  /** The content to store, after files are resolved and every guard agreed. */
  async #admit(command: SendCommand, members: ConversationMembers): Promise<StoredContent> {
    const { database, ports } = this.#options
    const { projectId, senderId, operation = 'send' } = command
    const { clientMessageId } = command
    const content = await admit(ports.sendGuards, members, {
      senderId,
      operation,
      content: command.content,
      clientMessageId,
    })
    const project = database.project(projectId)
    if (command.stored !== undefined) return command.stored
    if (content.type === 'merged-forward') return mergeMessages(project, senderId, content)
    return withAttachment(ports.attachments, project, content)
  }

  /** Most sends refer to nothing and live for ever: nothing is made for them. */
  async #extras(command: SendCommand, members: ConversationMembers): Promise<EntryExtras | undefined> {
    const { facts, projectId, senderId } = command
    // Money does not vanish with a message.
    const isPacket = command.content.type === 'packet'
    const options = isPacket ? withoutTimers(command.options) : command.options
    const initial = initialFacts(command.content)
    if (options === undefined && members.expiry === undefined && facts === undefined && initial === undefined)
      return undefined
    const project = this.#options.database.project(projectId)
    const place = isPacket ? { ...members, expiry: undefined } : members
    const resolved = await resolveOptions(project, place, senderId, options ?? {})
    if (facts === undefined && initial === undefined) return resolved
    return { ...resolved, facts: { ...resolved?.facts, ...initial, ...facts } }
  }

  #alongside(
    command: SendCommand,
    content: StoredContent,
    extras: EntryExtras | undefined,
  ): OutgoingEntry['alongside'] {
    const tasks: NonNullable<OutgoingEntry['alongside']>[] = []
    if (command.alongside !== undefined) tasks.push(command.alongside)
    if (extras?.threadRootSeq !== undefined) tasks.push((tx, row) => countThread(tx, row, 1))
    const hooked = this.#options.onAdmitted?.(content)
    if (hooked !== undefined) tasks.push(hooked)
    if (tasks.length < 2) return tasks[0]
    return async (tx, row) => {
      for (const task of tasks) await task(tx, row)
    }
  }
}

function withoutTimers(options: SendOptions | undefined): SendOptions | undefined {
  const { replyToId, threadRootId } = options ?? {}
  return optionsIn({ replyToId, threadRootId })
}

/** How long a packet may be claimed, unless it says. */
const packetLifeMs = 86_400_000

/** What is known of a message from its first moment because of its content. */
function initialFacts(content: MessageContent): MessageFacts | undefined {
  switch (content.type) {
    case 'poll':
      return { poll: { counts: content.options.map(() => 0), voters: 0 } }
    case 'packet': {
      const expiresAt = new Date(Date.now() + (content.expiresAfterMs ?? packetLifeMs)).toISOString()
      return { packet: { state: 'open', claimedShares: 0, claimedAmount: 0, expiresAt } }
    }
    default:
      return undefined
  }
}

/** The conversation a send goes to; for a user, the direct conversation of the two. */
export function destinationOf(
  senderId: string,
  to: { conversationId?: string | undefined; toUserId?: string | undefined },
): string {
  if (to.toUserId !== undefined) return directConversationId(senderId, to.toUserId)
  if (to.conversationId !== undefined) return to.conversationId
  throw new AppError('invalid-request', 'give either conversationId or toUserId')
}
