import { AppError, type MessageContent, newId, type StoredContent } from '@parley/contracts'
import type { Database } from '@parley/core/store'
import {
  type ConversationMembers,
  type ConversationViews,
  requireMember,
} from '../conversation/conversation-views.ts'
import { directConversationId } from '../conversation/direct-id.ts'
import type { DirectConversations } from '../conversation/open-direct.ts'
import { NotAMemberError } from '../errors.ts'
import type { ChatPorts } from '../ports.ts'
import type { AppendedMessage, Appender, OutgoingEntry } from './append.ts'
import { withAttachment } from './attachments.ts'
import { messageDigest } from './digest.ts'
import { Turnstile } from './turnstile.ts'

export interface SendCommand {
  projectId: string
  senderId: string
  conversationId?: string | undefined
  toUserId?: string | undefined
  clientMessageId: string
  content: MessageContent
}

export interface SenderOptions {
  database: Database
  views: ConversationViews
  directs: DirectConversations
  appender: Appender
  ports: ChatPorts
}

/** Takes a message from a caller to the log: resolves where it goes, checks, then appends. */
export class MessageSender {
  readonly #options: SenderOptions
  readonly #turnstile = new Turnstile()

  constructor(options: SenderOptions) {
    this.#options = options
  }

  /** Answers once the message is durable. The same clientMessageId again answers the first message. */
  send(command: SendCommand): Promise<AppendedMessage> {
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
    return {
      projectId,
      conversationId,
      id: newId('message'),
      senderId,
      clientMessageId,
      content: await this.#admit(command, members),
      bearsUnread: true,
      digest: messageDigest(conversationId, command.content),
      checkedVersion: members.version,
    }
  }

  async #membersFor(command: SendCommand, conversationId: string): Promise<ConversationMembers> {
    const { views, directs } = this.#options
    const { projectId, senderId, toUserId } = command
    if (toUserId !== undefined) await directs.open(projectId, senderId, toUserId, conversationId)
    const members = await views.get(projectId, conversationId)
    try {
      requireMember(members, senderId)
      return members
    } catch (error) {
      if (!(error instanceof NotAMemberError)) throw error
      // The view may be older than the membership: look once more before refusing.
      views.drop(projectId, conversationId)
      const newest = await views.get(projectId, conversationId)
      requireMember(newest, senderId)
      return newest
    }
  }

  /** The content to store, after files are resolved and every guard agreed. */
  async #admit(command: SendCommand, members: ConversationMembers): Promise<StoredContent> {
    const { database, ports } = this.#options
    const { projectId, senderId } = command
    const peerId = members.directUsers?.find((userId) => userId !== senderId)
    let content = command.content
    for (const guard of ports.sendGuards) {
      content = await guard.check({
        projectId,
        conversationId: members.conversationId,
        conversationType: members.type,
        senderId,
        ...(peerId !== undefined && { peerId }),
        content,
      })
    }
    return withAttachment(ports.attachments, database.project(projectId), content)
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
