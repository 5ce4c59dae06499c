import type {
  ConversationView,
  Invitation,
  JoinRequest,
  Message,
  Notice,
  ServerEvent,
} from '@parley/contracts'
import { Backoff } from '../connection/backoff.ts'
import type { Request, Session } from '../connection/connection.ts'
import { Emitter } from '../emitter.ts'
import type { Files, UploadOptions } from '../files.ts'
import { asParleyError, type ParleyError } from '../parley-error.ts'
import { randomId } from '../random-id.ts'
import type { Rest } from '../rest.ts'
import type { Storage } from '../storage/storage.ts'
import { ChatCache } from './chat-cache.ts'
import { isImage } from './chat-message.ts'
import type { ChatRoomEvent } from './chat-room.ts'
import { Conversation } from './conversation.ts'
import type { ConversationPorts } from './conversation-types.ts'
import { Outbox, type OutgoingFile } from './outbox.ts'

export interface ChatEvents {
  /** The list, or what a conversation shows in it, is different now. */
  conversations: readonly Conversation[]
  /** Every message of every conversation, once and in the order of its conversation. */
  message: { conversation: Conversation; message: Message }
  /**
   * After each connection: `resumed` went on where it was, or began; `reloaded` replaced what was kept; `failed` will be
   * tried again with the next connection.
   */
  sync: { kind: 'resumed' } | { kind: 'reloaded' } | { kind: 'failed'; error: ParleyError }
  /** Somebody asks to join a group that the user owns or administers. */
  'join-requested': JoinRequest
  /** An own request to join was decided. */
  'join-decided': JoinRequest
  invited: Invitation
  notice: Notice
  /** Id of a notice that was taken back. */
  'notice-withdrawn': string
  /** @internal What chat rooms hear; see `joinChatRoom`. */
  'chat-room': ChatRoomEvent
  /** The store failed, for lack of room as a rule; the client goes on without keeping anything. */
  'storage-failed': unknown
}

export interface ChatPorts {
  userId: string
  /** Name of this client among those that share the storage. */
  clientId: string
  request: Request
  rest: Rest
  files: Files
  storage: Storage
}

export interface GroupInput {
  /** Chosen by the application; made by the server when absent. */
  id?: string
  name?: string
  avatarUrl?: string
  memberIds?: string[]
}

/** Conversations of the user: the list, kept in step with the server, and the way to each of them. */
export class Chat extends Emitter<ChatEvents> {
  readonly #ports: ChatPorts
  readonly #cache: ChatCache
  readonly #outbox: Outbox
  readonly #conversationPorts: ConversationPorts
  readonly #conversations = new Map<string, Conversation>()
  readonly #backoff = new Backoff()
  readonly #synced: Promise<void>
  #onSynced: () => void = () => undefined
  #list: readonly Conversation[] | undefined
  #announcing = false
  #cursor: string | undefined
  /** Something was in step with the server before, so that a full sync replaces it. */
  #hasHistory = false
  #projectId: string | undefined
  #connected = false
  #syncRun = 0
  #syncTimer: ReturnType<typeof setTimeout> | undefined

  /** @internal */
  constructor(ports: ChatPorts) {
    super()
    this.#ports = ports
    const onFailed = (error: unknown) => this.emit('storage-failed', error)
    this.#cache = new ChatCache(ports.storage, {
      snapshot: () => ({
        cursor: this.#cursor,
        projectId: this.#projectId,
        conversations: [...this.#conversations.values()].flatMap((each) => each.snapshot()),
      }),
      onFailed,
    })
    this.#outbox = new Outbox({
      storage: ports.storage,
      owner: ports.clientId,
      send: ({ clientMessageId, conversationId, toUserId, options }, content) =>
        ports.request('message.send', {
          clientMessageId,
          content,
          ...options,
          ...(toUserId === undefined ? { conversationId } : { toUserId }),
        }),
      upload: (file, onProgress, options) => this.#upload(file, onProgress, options),
      onStorageFailed: onFailed,
    })
    this.#conversationPorts = {
      userId: ports.userId,
      request: ports.request,
      rest: ports.rest,
      cache: this.#cache,
      outbox: this.#outbox,
      followsAll: () => this.hasListeners('message'),
      connected: () => this.#connected,
    }
    this.#outbox.on('changed', ({ conversationId }) =>
      this.#conversations.get(conversationId)?.handleOutboxChanged(),
    )
    this.#outbox.on('acked', ({ item, answer }) =>
      this.#take(answer.conversationId).handleAcked(item, answer),
    )
    this.#synced = new Promise((resolve) => {
      this.#onSynced = resolve
    })
  }

  /** Resolves once the list was brought in step with the server for the first time. */
  get ready(): Promise<void> {
    return this.#synced
  }

  /** All conversations, the one with the latest activity first. A new array after every change. */
  conversations(): readonly Conversation[] {
    this.#list ??= [...this.#conversations.values()]
      .filter(
        ({ id, view }) =>
          (view && (view.type !== 'direct' || view.headSeq > 0)) || this.#outbox.entries(id).length > 0,
      )
      .sort((one, other) => other.lastActivityMs - one.lastActivityMs || (one.id < other.id ? -1 : 1))
    return this.#list
  }

  /** A conversation by id; what it shows comes as soon as the server has answered. */
  conversation(id: string): Conversation {
    const known = this.#conversations.get(id)
    if (known) return known
    const conversation = this.#take(id)
    void this.#ask(id)
    return conversation
  }

  /** The direct conversation with a user; the server keeps it once it has its first message. */
  async direct(userId: string): Promise<Conversation> {
    for (const conversation of this.#conversations.values()) {
      if (conversation.peerId === userId) return conversation
    }
    const answer = await this.#ports.request('conversation.open-direct', { userId }, { resend: true })
    const conversation = this.#take(answer.conversationId, userId)
    if (answer.conversation) conversation.handleView(answer.conversation)
    else conversation.handleBegin(0)
    return conversation
  }

  /** Makes a group with the user as its owner. */
  async createGroup(group: GroupInput): Promise<Conversation> {
    const { id } = await this.#ports.rest.call<{ id: string }>('POST', '/v1/conversations', {
      body: { type: 'group', ...group },
      idempotencyKey: randomId('k'),
    })
    const conversation = this.#take(id)
    conversation.handleView(
      await this.#ports.request('conversation.get', { conversationId: id }, { resend: true }),
    )
    return conversation
  }

  /** @internal Asks the server, for what stands beside this class. */
  get request(): Request {
    return this.#ports.request
  }

  /** @internal Fills the list from the store. */
  async load(): Promise<void> {
    const { cursor, projectId, views } = await this.#cache.load()
    this.#projectId = projectId
    if (cursor !== undefined) {
      this.#cursor = cursor
      this.#hasHistory = true
      for (const view of views) this.#take(view.id).handleView(view)
    } else this.#cache.clear()
    await this.#outbox.load()
    for (const id of this.#outbox.conversationIds()) this.#take(id)
  }

  /** @internal */
  handleConnected(session: Session): void {
    this.#connected = true
    if (this.#projectId !== undefined && this.#projectId !== session.projectId) this.#cursor = undefined
    this.#projectId = session.projectId
    this.#outbox.handleConnected()
    void this.#outbox.load().catch((error: unknown) => this.emit('storage-failed', error))
    void this.#sync()
  }

  /** @internal */
  handleDisconnected(): void {
    this.#connected = false
    this.#syncRun++
    clearTimeout(this.#syncTimer)
    this.#outbox.handleDisconnected()
  }

  /** @internal */
  handleEvent(event: ServerEvent): void {
    switch (event.type) {
      case 'chatroom.messages':
      case 'chatroom.attributes':
      case 'chatroom.changed':
      case 'chatroom.online':
      case 'chatroom.left':
        this.emit('chat-room', event)
        break
      case 'message.created':
        this.#take(event.message.conversationId).handleArrival({ entry: event.message })
        break
      case 'message.edited':
      case 'message.recalled':
      case 'message.changed': {
        const { entry, message } = event
        this.#take(entry.conversationId).handleArrival({ entry, ...(message && { message }) })
        break
      }
      case 'message.hidden':
        this.#conversations.get(event.conversationId)?.handleHidden(event.seqs, event.hiddenVersion)
        break
      case 'message.delta':
        this.#conversations.get(event.conversationId)?.handleDelta(event)
        break
      case 'conversation.draft-changed':
        this.#conversations.get(event.conversationId)?.handleDraft(event.draft)
        break
      case 'conversation.delivered':
        this.#conversations.get(event.conversationId)?.handleDelivered(event.userId, event.deliveredSeq)
        break
      case 'conversation.changed':
        this.#take(event.entry.conversationId).handleArrival({ entry: event.entry })
        break
      case 'conversation.joined':
        void this.#ask(event.conversationId, true)
        break
      case 'conversation.left':
        this.#drop(event.conversationId)
        break
      case 'conversation.join-requested':
        this.emit('join-requested', event.request)
        break
      case 'conversation.join-decided':
        this.emit('join-decided', event.request)
        break
      case 'conversation.invited':
        this.emit('invited', event.invitation)
        break
      case 'notice.created':
        this.emit('notice', event.notice)
        break
      case 'notice.withdrawn':
        this.emit('notice-withdrawn', event.noticeId)
        break
      case 'conversation.read':
        this.#conversations.get(event.conversationId)?.handleRead(event.userId, event.readSeq)
        break
      case 'conversation.typing':
        this.#conversations.get(event.conversationId)?.handleTyping(event.userId)
        break
      default:
        // Events of other parts of the client, or of a newer server.
        break
    }
  }

  /** @internal */
  async close(): Promise<void> {
    clearTimeout(this.#syncTimer)
    this.#syncRun++
    this.#connected = false
    for (const conversation of this.#conversations.values()) conversation.close()
    this.#outbox.close()
    this.dropListeners()
    await this.#cache.close()
  }

  async #sync(): Promise<void> {
    const run = ++this.#syncRun
    let cursor = this.#cursor
    // Events come meanwhile; only what was known before the sync can be out of date by it.
    const unlisted = new Set([...this.#conversations].flatMap(([id, { view }]) => (view ? [id] : [])))
    let replaced = false
    try {
      for (let more = true; more; ) {
        const page = await this.#ports.request('conversation.sync', cursor === undefined ? {} : { cursor })
        if (run !== this.#syncRun) return
        if (page.full && !replaced && this.#hasHistory) {
          replaced = true
          this.#cache.clear()
        }
        for (const view of page.conversations) {
          const known = unlisted.delete(view.id)
          if (replaced && known && page.full) this.#take(view.id).handleReplaced(view)
          else if (page.full) this.#take(view.id).handleView(view)
          else this.#welcome(this.#take(view.id), view)
        }
        for (const id of page.removed) this.#drop(id)
        // What was replaced may have overtaken events; the new cursor tells what they were.
        more = page.more || (page.full && replaced)
        cursor = page.cursor
      }
      if (replaced) for (const id of unlisted) this.#drop(id)
      this.#cursor = cursor
      this.#hasHistory = true
      this.#cache.putCursor(cursor ?? '', this.#projectId ?? '')
      this.#backoff.reset()
      for (const conversation of this.#conversations.values()) conversation.handleConnected()
      this.emit('sync', { kind: replaced ? 'reloaded' : 'resumed' })
      this.#onSynced()
    } catch (error) {
      if (run === this.#syncRun) this.#syncFailed(asParleyError(error, 'connection-lost'))
    }
  }

  #syncFailed(error: ParleyError): void {
    if (error.code === 'invalid-cursor' && this.#cursor !== undefined) {
      this.#cursor = undefined
      void this.#sync()
    } else if (error.retryable) {
      this.#syncTimer = setTimeout(() => void this.#sync(), this.#backoff.nextMs(error.retryAfterMs))
    } else {
      this.emit('sync', { kind: 'failed', error })
      this.#onSynced()
    }
  }

  /** A conversation that came into being for this user after the last sync: what is in it is new to us. */
  #welcome(conversation: Conversation, view: ConversationView): void {
    // A group may be older than our membership; its read cursor begins where we came in.
    conversation.handleBegin(view.type === 'direct' ? 0 : view.readSeq)
    conversation.handleView(view)
  }

  #take(id: string, peerId?: string): Conversation {
    const known = this.#conversations.get(id)
    if (known) return known
    const conversation = new Conversation(id, this.#conversationPorts, peerId)
    conversation.on('changed', () => this.#announce())
    conversation.on('message', (message) => this.emit('message', { conversation, message }))
    this.#conversations.set(id, conversation)
    return conversation
  }

  #drop(id: string): void {
    this.#cache.dropConversation(id)
    this.#conversations.get(id)?.close()
    this.#conversations.delete(id)
    this.#announce()
  }

  async #ask(id: string, joined = false): Promise<void> {
    try {
      const view = await this.#ports.request('conversation.get', { conversationId: id }, { resend: true })
      const conversation = this.#take(id)
      if (joined) this.#welcome(conversation, view)
      else conversation.handleView(view)
    } catch {
      // There is no such conversation for this user; calls on it are answered so by the server.
    }
  }

  /** Once a step, however many conversations changed in it. */
  #announce(): void {
    this.#list = undefined
    if (this.#announcing) return
    this.#announcing = true
    queueMicrotask(() => {
      this.#announcing = false
      this.emit('conversations', this.conversations())
    })
  }

  async #upload(file: OutgoingFile, onProgress: (share: number) => void, options: UploadOptions) {
    const objectId = await this.#ports.files.upload(file, onProgress, options)
    const { caption, width, height, voice, video } = file
    if (voice) return { type: 'voice' as const, objectId, ...voice }
    const common = { objectId, ...(caption && { caption }) }
    const size = { ...(width && { width }), ...(height && { height }) }
    if (video) return { type: 'video' as const, ...common, ...size, ...video }
    return isImage(file.contentType)
      ? { type: 'image' as const, ...common, ...size }
      : { type: 'file' as const, ...common }
  }
}
