import {
  AppError,
  type ChatRoomGift,
  type ChatRoomMessage,
  type ChatRoomPriority,
  chatRoomGift,
  giftKind,
  type MessageContent,
  newId,
  type StoredContent,
} from '@parley/contracts'
import type { Session } from '@parley/core/gateway'
import type { Database } from '@parley/core/store'
import type { ChatSettings } from '../config.ts'
import { contentDecorator, withAttachment } from '../message/attachments.ts'
import type { Actor } from '../message/change-message.ts'
import { keyOf } from '../message/log.ts'
import type { ChatPorts } from '../ports.ts'
import type { RoomLog } from './room-log.ts'
import type { RoomViews } from './room-views.ts'
import { RoomVoice, requireEntry } from './room-voice.ts'

export interface RoomSpeechOptions {
  database: Database
  ports: ChatPorts
  settings: ChatSettings
  views: RoomViews
  log: RoomLog
  isHeard: (session: Session, key: string) => boolean
  publish: (projectId: string, roomId: string, message: ChatRoomMessage) => void
}

interface Said {
  clientMessageId?: string | undefined
  priority: ChatRoomPriority
  content: MessageContent
}

type Accepted = Promise<{ messageId: string; seq?: number; createdAt: string }>

/** What is said and given in chat rooms: judged, kept where the room keeps it, and told. */
export class RoomSpeech {
  readonly #options: RoomSpeechOptions
  readonly #voice: RoomVoice

  constructor(options: RoomSpeechOptions) {
    this.#options = options
    this.#voice = new RoomVoice(options.settings)
  }

  async send(actor: Actor, roomId: string, said: Said, session?: Session): Accepted {
    const view = await this.#enter(actor, roomId, session)
    this.#voice.require(view, actor.userId, said.priority)
    return this.#tell(actor, roomId, said, await this.#judged(actor, roomId, said))
  }

  /**
   * A gift goes with high priority, whoever gives it, and so is never dropped: what a room carries of gifts is judged
   * before one is accepted.
   */
  async give(
    actor: Actor,
    roomId: string,
    { clientMessageId, gift }: { clientMessageId: string; gift: ChatRoomGift },
    session?: Session,
  ): Accepted {
    const view = await this.#enter(actor, roomId, session)
    this.#voice.requireGift(view, actor.userId)
    const said = { clientMessageId, priority: 'high' as const, content: contentOf(gift) }
    const judged = await this.#judged(actor, roomId, said)
    return this.#tell(actor, roomId, said, contentOf(giftIn(judged)))
  }

  async #enter({ projectId, userId }: Actor, roomId: string, session: Session | undefined) {
    const view = await this.#options.views.get(projectId, roomId)
    if (session !== undefined && !this.#options.isHeard(session, keyOf(projectId, roomId)))
      throw new AppError('forbidden', 'This connection has not joined the chat room')
    if (userId !== undefined) requireEntry(view, userId)
    return view
  }

  async #judged({ projectId, userId }: Actor, roomId: string, said: Said): Promise<MessageContent> {
    const { clientMessageId } = said
    let content = said.content
    for (const guard of this.#options.ports.sendGuards) {
      content = await guard.check({
        ...{ projectId, conversationId: roomId, conversationType: 'chatroom', operation: 'send' },
        ...{ senderId: userId ?? '', content },
        ...(clientMessageId !== undefined && { clientMessageId }),
      })
    }
    return content
  }

  async #tell(
    { projectId, userId }: Actor,
    roomId: string,
    { clientMessageId, priority }: Said,
    content: MessageContent,
  ): Accepted {
    const message: ChatRoomMessage = {
      id: newId('message'),
      senderId: userId ?? '',
      ...(clientMessageId !== undefined && { clientMessageId }),
      priority,
      content: await this.#resolve(projectId, content),
      createdAt: new Date().toISOString(),
    }
    const { log, views, publish } = this.#options
    const { row } = await views.get(projectId, roomId)
    if (row.history) {
      const seq = await log.append({ projectId, roomId, message })
      if (seq === undefined) throw new AppError('room-not-found')
      message.seq = seq
    }
    publish(projectId, roomId, message)
    const { id: messageId, seq, createdAt } = message
    return { messageId, createdAt, ...(seq !== undefined && { seq }) }
  }

  /** With the facts and the signed addresses of files, which last longer than anybody reads on here. */
  async #resolve(projectId: string, content: MessageContent): Promise<StoredContent> {
    if (content.type === 'merged-forward') throw new AppError('invalid-request', 'Not for chat rooms')
    const { database, ports } = this.#options
    const stored = await withAttachment(ports.attachments, database.project(projectId), content)
    return contentDecorator(ports.attachments)(projectId, stored) as StoredContent
  }
}

function contentOf(gift: ChatRoomGift): MessageContent {
  const data = gift as Extract<MessageContent, { type: 'custom' }>['data']
  return { type: 'custom', kind: giftKind, data, summary: gift.name }
}

/** Texts are screened where people read them, the name as the summary. Throws `content-rejected` for what is no gift. */
function giftIn(content: MessageContent): ChatRoomGift {
  if (content.type === 'custom' && content.kind === giftKind) {
    const { summary: name } = content
    const gift = chatRoomGift.safeParse({ ...Object(content.data), ...(name !== undefined && { name }) })
    if (gift.success) return gift.data
  }
  throw new AppError('content-rejected', 'What was put in place of the gift is none')
}
