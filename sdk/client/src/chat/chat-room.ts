import type {
  ChatRoomAttribute,
  ChatRoom as ChatRoomFacts,
  ChatRoomGift,
  ChatRoomMessage,
  ChatRoomServerEvents,
  ClientFrameBody,
  giftKind as contractsGiftKind,
  FrameAnswers,
  MessageContent,
} from '@parley/contracts'
import { Emitter } from '../emitter.ts'
import { asParleyError, type ParleyError } from '../parley-error.ts'
import { randomId } from '../random-id.ts'
import type { Chat } from './chat.ts'

export type ChatRoomEvent = {
  [Type in keyof ChatRoomServerEvents]: { type: Type } & ChatRoomServerEvents[Type]
}[keyof ChatRoomServerEvents]

type Priority = ChatRoomMessage['priority']
type SendAnswer = FrameAnswers['chatroom.send']

export interface ChatRoomEvents {
  /** Each message once, in order. */
  message: ChatRoomMessage
  /** Under load the server left out so many of lower priority. */
  dropped: number
  /** Key-value pairs are others now. */
  attributes: ReadonlyMap<string, ChatRoomAttribute>
  /** Name, owner or rules are others now. */
  changed: ChatRoomFacts
  /** How many users are there. */
  online: number
  /** It was joined again after a lost connection; what was said meanwhile is lost unless the room keeps history. */
  rejoined: ChatRoomFacts
  /** It is heard no more: left, sent out, banned, closed, or refused when it was to be joined again. */
  left: { reason: ChatRoomServerEvents['chatroom.left']['reason'] | 'refused'; detail?: string }
}

/** A chat room that this client has joined. After a lost connection it is joined again by itself. */
export class ChatRoom extends Emitter<ChatRoomEvents> {
  readonly id: string
  readonly #chat: Chat
  readonly #stops: (() => void)[]
  readonly #attributes = new Map<string, ChatRoomAttribute>()
  #attributesVersion = 0
  #facts: ChatRoomFacts
  #recent: readonly ChatRoomMessage[]
  #left = false

  /** @internal */
  constructor(chat: Chat, joined: FrameAnswers['chatroom.join']) {
    super()
    this.id = joined.room.id
    this.#chat = chat
    this.#facts = joined.room
    this.#recent = joined.messages
    this.#takeAttributes(joined)
    this.#stops = [
      chat.on('chat-room', (event) => this.#handle(event)),
      chat.on('sync', () => void this.#rejoin()),
    ]
  }

  get facts(): ChatRoomFacts {
    return this.#facts
  }

  /** Messages from before it was joined. */
  get recent(): readonly ChatRoomMessage[] {
    return this.#recent
  }

  get attributes(): ReadonlyMap<string, ChatRoomAttribute> {
    return this.#attributes
  }

  get online(): number {
    return this.#facts.online
  }

  /** Resolves once the server has accepted it; in a room with history, once it is durable. */
  send(
    what: { text: string } | { content: MessageContent },
    { priority = 'normal', clientMessageId }: { priority?: Priority; clientMessageId?: string } = {},
  ): Promise<SendAnswer> {
    const content = 'content' in what ? what.content : { type: 'text' as const, text: what.text }
    return this.#ask('chatroom.send', { content, priority, ...(clientMessageId && { clientMessageId }) })
  }

  /**
   * Gives something: everybody hears it, with high priority. `clientMessageId` names the gift to whoever takes the money for
   * it; a repeat after a failure takes the same, and is told once.
   */
  give(
    gift: ClientFrameBody<'chatroom.give'>['gift'],
    { clientMessageId = randomId('gift') }: { clientMessageId?: string } = {},
  ): Promise<SendAnswer> {
    return this.#ask('chatroom.give', { gift, clientMessageId })
  }

  /** Sets key-value pairs, all or none. `untilLeave`: they go with the user. */
  setAttributes(
    values: Record<string, string>,
    options: { untilLeave?: boolean; takeOver?: boolean } = {},
  ): Promise<FrameAnswers['chatroom.set-attributes']> {
    const attributes = Object.entries(values).map(([key, value]) => ({ key, value }))
    return this.#ask('chatroom.set-attributes', { attributes, ...options })
  }

  removeAttributes(keys: string[]): Promise<FrameAnswers['chatroom.remove-attributes']> {
    return this.#ask('chatroom.remove-attributes', { keys })
  }

  /** Of a room that keeps history: before or after a seq, ascending. */
  history(
    range: { beforeSeq?: number; afterSeq?: number; limit?: number } = {},
  ): Promise<FrameAnswers['chatroom.list-messages']> {
    return this.#ask('chatroom.list-messages', range)
  }

  users(page: { limit?: number; cursor?: string } = {}): Promise<FrameAnswers['chatroom.list-online']> {
    return this.#ask('chatroom.list-online', page)
  }

  mute(memberId: string, untilMs?: number): Promise<FrameAnswers['chatroom.restrict']> {
    return this.#ask('chatroom.restrict', { kind: 'mute', memberId, ...(untilMs && { untilMs }) })
  }

  unmute(memberId: string): Promise<FrameAnswers['chatroom.unrestrict']> {
    return this.#ask('chatroom.unrestrict', { kind: 'mute', memberId })
  }

  kick(memberId: string, reason?: string): Promise<FrameAnswers['chatroom.kick']> {
    return this.#ask('chatroom.kick', { memberId, ...(reason && { reason }) })
  }

  async leave(): Promise<void> {
    if (this.#left) return
    this.#end({ reason: 'left' })
    await this.#chat.request('chatroom.leave', { chatRoomId: this.id })
  }

  #ask<
    T extends
      | 'chatroom.send'
      | 'chatroom.give'
      | 'chatroom.kick'
      | `chatroom.${'restrict' | 'unrestrict' | `${'set' | 'remove'}-attributes` | `list-${'messages' | 'online'}`}`,
  >(type: T, given: Omit<ClientFrameBody<T>, 'chatRoomId'>): Promise<FrameAnswers[T]> {
    return this.#chat.request(type, { ...given, chatRoomId: this.id } as unknown as ClientFrameBody<T>)
  }

  #handle(event: ChatRoomEvent): void {
    if (this.#left) return
    if (event.type === 'chatroom.changed') {
      if (event.room.id === this.id) {
        this.#facts = event.room
        this.emit('changed', event.room)
      }
      return
    }
    if (event.chatRoomId !== this.id) return
    switch (event.type) {
      case 'chatroom.messages':
        if (event.dropped) this.emit('dropped', event.dropped)
        for (const message of event.messages) this.emit('message', message)
        return
      case 'chatroom.attributes':
        this.#changeAttributes(event)
        return
      case 'chatroom.online':
        this.#facts = { ...this.#facts, online: event.online }
        this.emit('online', event.online)
        return
      case 'chatroom.left': {
        const { reason, detail } = event
        this.#end({ reason, ...(detail && { detail }) })
      }
    }
  }

  #changeAttributes({ version, set = [], removed = [] }: ChatRoomServerEvents['chatroom.attributes']): void {
    if (version <= this.#attributesVersion) return
    const complete = version === this.#attributesVersion + 1 && set.length + removed.length > 0
    if (!complete) {
      void this.#readAttributes()
      return
    }
    this.#attributesVersion = version
    for (const attribute of set) this.#attributes.set(attribute.key, attribute)
    for (const key of removed) this.#attributes.delete(key)
    this.emit('attributes', this.#attributes)
  }

  async #readAttributes(): Promise<void> {
    const answer = await this.#chat
      .request('chatroom.list-attributes', { chatRoomId: this.id }, { resend: true })
      .catch(() => undefined) // The next change shows the gap again.
    if (answer === undefined || this.#left) return
    this.#takeAttributes({ attributes: answer.items, attributesVersion: answer.version })
    this.emit('attributes', this.#attributes)
  }

  #takeAttributes({
    attributes,
    attributesVersion,
  }: Pick<FrameAnswers['chatroom.join'], 'attributes' | 'attributesVersion'>): void {
    if (attributesVersion < this.#attributesVersion) return
    this.#attributes.clear()
    for (const attribute of attributes) this.#attributes.set(attribute.key, attribute)
    this.#attributesVersion = attributesVersion
  }

  async #rejoin(): Promise<void> {
    try {
      const joined = await this.#chat.request('chatroom.join', { chatRoomId: this.id })
      if (this.#left) return
      this.#facts = joined.room
      this.#recent = joined.messages
      this.#takeAttributes(joined)
      this.emit('rejoined', joined.room)
    } catch (error) {
      const { code, retryable, message } = asParleyError(error, 'connection-lost')
      // A connection that is lost again comes back, and with it this.
      if (!retryable && !transient.has(code)) this.#end({ reason: 'refused', detail: message })
    }
  }

  #end(event: ChatRoomEvents['left']): void {
    if (this.#left) return
    this.#left = true
    for (const stop of this.#stops) stop()
    this.emit('left', event)
  }
}

const transient = new Set<ParleyError['code']>(['connection-lost', 'timeout', 'closed'])

/** The gift that a message is; undefined for every other one. Only the server makes messages of this kind. */
export function giftOf({ content }: ChatRoomMessage): ChatRoomGift | undefined {
  return content.type === 'custom' && content.kind === giftKind ? (content.data as ChatRoomGift) : undefined
}

const giftKind: typeof contractsGiftKind = 'parley.gift'

/** Joins a chat room: its messages come to this client until it leaves. `recent`: messages to begin with. */
export async function joinChatRoom(
  chat: Chat,
  chatRoomId: string,
  options: { recent?: number } = {},
): Promise<ChatRoom> {
  return new ChatRoom(chat, await chat.request('chatroom.join', { chatRoomId, ...options }))
}
