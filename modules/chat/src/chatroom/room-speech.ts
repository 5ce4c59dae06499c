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
import { Turnstile } from '../message/turnstile.ts'
import type { ChatPorts } from '../ports.ts'
import { type AcceptedMessage, claimGifts, findGifts, type GiftKey } from './gift-keys.ts'
import type { RoomEntry, RoomLog } from './room-log.ts'
import type { RoomView, RoomViews } from './room-views.ts'
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
  readonly #turnstile = new Turnstile()

  constructor(options: RoomSpeechOptions) {
    this.#options = options
    this.#voice = new RoomVoice(options.settings)
  }

  async send(actor: Actor, roomId: string, said: Said, session?: Session): Promise<AcceptedMessage> {
    const view = await this.#enter(actor, roomId, session)
    this.#voice.require(view, actor.userId, said.priority)
    const message = await this.#messageOf(actor, said, await this.#judged(actor, roomId, said))
    return this.#tell({ projectId: actor.projectId, roomId, message })
  }

  /**
   * A gift goes with high priority, whoever gives it, and so is never dropped: what a room carries of gifts is judged
   * before one is accepted. A repeat is answered as the first was, and told to nobody. Gifts of one user keep their order.
   */
  give(
    actor: Actor,
    roomId: string,
    { clientMessageId, gift }: { clientMessageId: string; gift: ChatRoomGift },
    session?: Session,
  ): Promise<AcceptedMessage> {
    const { projectId, userId: senderId = '' } = actor
    const said = { clientMessageId, priority: 'high' as const, content: contentOf(gift) }
    const key = { projectId, roomId, senderId, clientMessageId, digest: messageDigest(roomId, said.content) }
    return this.#turnstile.run(
      JSON.stringify([projectId, roomId, senderId]),
      async () => {
        const view = await this.#enter(actor, roomId, session)
        return this.#prepareGift(actor, view, said, key)
      },
      async (prepared) => ('earlier' in prepared ? prepared.earlier : this.#tell(prepared.entry)),
    )
  }

  /** What is to be told; or how the gift was taken that is there already. */
  async #prepareGift(
    actor: Actor,
    view: RoomView,
    said: Said,
    key: GiftKey,
  ): Promise<{ entry: RoomEntry } | { earlier: AcceptedMessage }> {
    const { projectId, roomId } = key
    const project = this.#options.database.project(projectId)
    const [known] = await findGifts(project, [key])
    if (known !== undefined) return { earlier: accepted(known) }
    this.#voice.requireGift(view, actor.userId)
    const judged = await this.#judged(actor, roomId, said)
    const message = await this.#messageOf(actor, said, contentOf(giftIn(judged)))
    const entry = { projectId, roomId, message, gift: key }
    // Where there is a history, its transaction takes the gift.
    if (view.row.history) return { entry }
    const [taken] = await claimGifts(project, [
      { ...key, messageId: message.id, createdAt: message.createdAt },
    ])
    const answer = accepted(taken)
    return answer.messageId === message.id ? { entry } : { earlier: answer }
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

  async #messageOf(
    { projectId, userId }: Actor,
    { clientMessageId, priority }: Said,
    content: MessageContent,
  ): Promise<ChatRoomMessage> {
    return {
      id: newId('message'),
      senderId: userId ?? '',
      ...(clientMessageId !== undefined && { clientMessageId }),
      priority,
      content: await this.#resolve(projectId, content),
      createdAt: new Date().toISOString(),
    }
  }

  /** The answer names another message where this is the repeat of a gift. */
  async #tell(entry: RoomEntry): Promise<AcceptedMessage> {
    const { projectId, roomId, message } = entry
    const { log, views, publish } = this.#options
    const { row } = await views.get(projectId, roomId)
    const answer: AcceptedMessage = row.history
      ? await log.append(entry)
      : { messageId: message.id, createdAt: message.createdAt }
    const { messageId, seq } = answer
    if (messageId === message.id)
      publish(projectId, roomId, { ...message, ...(seq !== undefined && { seq }) })
    return answer
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
