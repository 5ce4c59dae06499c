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
import { messageDigest } from '../message/digest.ts'
import { keyOf } from '../message/log.ts'
import type { ChatPorts } from '../ports.ts'
import { type AcceptedMessage, claimGifts, findGifts, type GiftKey } from './gift-keys.ts'
import type { RoomEntry, RoomLog } from './room-log.ts'
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

/** What is said and given in chat rooms: judged, kept where the room keeps it, and told. */
export class RoomSpeech {
  readonly #options: RoomSpeechOptions
  readonly #voice: RoomVoice

  constructor(options: RoomSpeechOptions) {
    this.#options = options
    this.#voice = new RoomVoice(options.settings)
  }

  async send(actor: Actor, roomId: string, said: Said, session?: Session): Promise<AcceptedMessage> {
    const view = await this.#enter(actor, roomId, session)
    this.#voice.require(view, actor.userId, said.priority)
    return this.#tell(actor, roomId, said, await this.#judged(actor, roomId, said))
  }

  /**
   * A gift goes with high priority, whoever gives it, and so is never dropped: what a room carries of gifts is judged
   * before one is accepted. A repeat is answered as the first was, and told to nobody.
   */
  async give(
    actor: Actor,
    roomId: string,
    { clientMessageId, gift }: { clientMessageId: string; gift: ChatRoomGift },
    session?: Session,
  ): Promise<AcceptedMessage> {
    const { projectId, userId } = actor
    const view = await this.#enter(actor, roomId, session)
    const said = { clientMessageId, priority: 'high' as const, content: contentOf(gift) }
    const digest = messageDigest(roomId, said.content)
    const key: GiftKey = { projectId, roomId, senderId: userId ?? '', clientMessageId, digest }
    const [earlier] = await findGifts(this.#options.database.project(projectId), [key])
    if (earlier !== undefined) return accepted(earlier)
    this.#voice.requireGift(view, userId)
    const judged = await this.#judged(actor, roomId, said)
    return this.#tell(actor, roomId, said, contentOf(giftIn(judged)), key)
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
    gift?: GiftKey,
  ): Promise<AcceptedMessage> {
    const message: ChatRoomMessage = {
      id: newId('message'),
      senderId: userId ?? '',
      ...(clientMessageId !== undefined && { clientMessageId }),
      priority,
      content: await this.#resolve(projectId, content),
      createdAt: new Date().toISOString(),
    }
    const { views, publish } = this.#options
    const { row } = await views.get(projectId, roomId)
    const answer = await this.#take({ projectId, roomId, message, gift }, row.history)
    const { messageId, seq } = answer
    if (messageId === message.id)
      publish(projectId, roomId, { ...message, ...(seq !== undefined && { seq }) })
    return answer
  }

  /** The answer names another message where this is the repeat of a gift. */
  async #take(entry: RoomEntry, history: boolean): Promise<AcceptedMessage> {
    if (history) return this.#options.log.append(entry)
    const { projectId, gift } = entry
    const { id: messageId, createdAt } = entry.message
    if (gift === undefined) return { messageId, createdAt }
    const [answer] = await claimGifts(this.#options.database.project(projectId), [
      { ...gift, messageId, createdAt },
    ])
    return accepted(answer)
  }

  /** With the facts and the signed addresses of files, which last longer than anybody reads on here. */
  async #resolve(projectId: string, content: MessageContent): Promise<StoredContent> {
    if (content.type === 'merged-forward') throw new AppError('invalid-request', 'Not for chat rooms')
    const { database, ports } = this.#options
    const stored = await withAttachment(ports.attachments, database.project(projectId), content)
    return contentDecorator(ports.attachments)(projectId, stored) as StoredContent
  }
}

function accepted(answer: AcceptedMessage | AppError | undefined): AcceptedMessage {
  if (answer instanceof AppError) throw answer
  if (answer === undefined) throw new AppError('internal-error')
  return answer
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
