import type { ConversationView, Draft, Message, SendAnswer } from '@parley/contracts'
import { Emitter } from '../emitter.ts'
import type { CachedConversation } from './chat-cache.ts'
import { type ChatMessage, isMessage } from './chat-message.ts'
import type { Arrival } from './conversation-log.ts'
import type { ConversationEvents, ConversationPorts } from './conversation-types.ts'
import { DeliveredTeller } from './delivered-teller.ts'
import { EntryChanges } from './entry-changes.ts'
import { EntryWindow } from './entry-window.ts'
import { changesGroup } from './group-view.ts'
import { GrowingTexts } from './growing-texts.ts'
import { LiveView } from './live-view.ts'
import { MemberCursors } from './member-cursors.ts'
import { changesMessage } from './message-change.ts'
import type { OutboxEntry, OutboxItem } from './outbox.ts'
import { PendingSends } from './pending-sends.ts'
import { ReadTeller } from './read-teller.ts'
import { listMessages } from './shown-messages.ts'
import { Typing } from './typing.ts'

/**
 * What comes in of one conversation: its messages in order, how the user sees it, and what happens to it. The chat, which
 * owns it, tells it everything by `handle*`.
 */
export class ConversationFeed extends Emitter<ConversationEvents> {
  readonly id: string
  /** @internal */
  protected readonly ports: ConversationPorts
  readonly #view: LiveView
  /** @internal */
  protected readonly window: EntryWindow
  /** @internal */
  protected readonly sends: PendingSends
  /** @internal */
  protected readonly changes: EntryChanges
  /** @internal */
  protected readonly cursors: MemberCursors
  /** @internal */
  protected readonly typists: Typing
  readonly #readTeller: ReadTeller
  readonly #deliveredTeller: DeliveredTeller
  readonly #growing: GrowingTexts
  #peerId: string | undefined
  #messages: readonly ChatMessage[] | undefined
  #messagesApart: readonly ChatMessage[] | undefined
  #closed = false

  /** @internal */
  constructor(id: string, ports: ConversationPorts, peerId?: string) {
    super()
    this.id = id
    this.ports = ports
    this.#peerId = peerId
    const { userId } = ports
    const connected = () => !this.#closed && ports.connected()
    this.#view = new LiveView(userId)
    this.#view.on('doubtful', () => this.#askAgain())
    this.window = new EntryWindow({
      conversationId: id,
      cache: ports.cache,
      list: (range) => this.list(range),
      askHead: () => this.#ask(),
      connected,
      heard: () => this.hasListeners('message') || ports.followsAll(),
    })
    this.window.on('arrived', (arrivals) => this.#arrived(arrivals))
    this.window.on('passed-over', ({ head }) => this.sends.handlePassedOver(head))
    this.window.on('reloaded', () => this.emit('reloaded', {}))
    this.window.on('changed', () => this.changed())
    this.sends = new PendingSends({
      userId,
      at: (seq) => this.window.at(seq),
      head: () => (this.window.begun ? this.window.run.head : undefined),
      find: (clientMessageId) =>
        ports.request('message.find', { clientMessageId }, { resend: true, timeoutMs: 120_000 }),
    })
    this.cursors = new MemberCursors(userId)
    this.#readTeller = new ReadTeller({
      tell: (seq) => ports.request('conversation.read', { conversationId: id, seq }),
      connected,
    })
    this.#deliveredTeller = new DeliveredTeller({
      tell: (seq) => ports.request('conversation.delivered', { conversationId: id, seq }),
      connected,
    })
    this.#growing = new GrowingTexts({
      read: (messageId, offset) => ports.request('stream.read', { messageId, offset }, { resend: true }),
      onGrown: (messageId, text) => {
        this.emit('growing', { messageId, text })
        this.changed()
      },
    })
    this.changes = new EntryChanges({
      conversationId: id,
      userId,
      window: this.window,
      view: this.#view,
      cache: ports.cache,
      growing: this.#growing,
      request: ports.request,
    })
    this.changes.on('updated', (message) => this.emit('updated', message))
    this.changes.on('recalled', (message) => this.emit('recalled', message))
    this.changes.on('replaced', () => this.changed())
    this.typists = new Typing((userIds) => {
      this.emit('typing', { userIds })
      this.changed()
    })
  }

  /** The conversation as the user sees it; undefined until it is known, or before its first message. */
  get view(): ConversationView | undefined {
    return this.#view.current
  }

  /** The other user of a direct conversation. */
  get peerId(): string | undefined {
    return this.view?.peerId ?? this.#peerId
  }

  /** What is loaded, ascending, with own messages on their way at the end. A new array after every change. */
  get messages(): readonly ChatMessage[] {
    this.#messages ??= this.#listMessages(
      this.window.run.entries,
      this.sends.settling,
      this.ports.outbox.entries(this.id),
    )
    return this.#messages
  }

  /**
   * What is loaded around a place far back, ascending, since `loadAround` went there; undefined once that has met
   * `messages`, or was left. A new array after every change.
   */
  get messagesApart(): readonly ChatMessage[] | undefined {
    const { apart } = this.window
    if (apart) this.#messagesApart ??= this.#listMessages(apart.entries, [], [])
    return apart && this.#messagesApart
  }

  get loaded(): boolean {
    return this.window.loaded
  }

  /** True while there are older messages than those in `messagesApart`, or else in `messages`. */
  get hasOlder(): boolean {
    return this.window.hasOlder
  }

  /** True once the user is in it no more, or the client was closed: nothing will happen here again. */
  get ended(): boolean {
    return this.#closed
  }

  get typingUserIds(): string[] {
    return this.typists.userIds
  }

  /** How far other members have read, as far as it is known; `loadReadCursors` fills it. */
  get readCursors(): ReadonlyMap<string, number> {
    return this.cursors.read
  }

  /** How far messages have reached devices of others, as far as it is known: in direct conversations live. */
  get deliveredCursors(): ReadonlyMap<string, number> {
    return this.cursors.delivered
  }

  /** When something happened here last, in milliseconds since 1970. */
  get lastActivityMs(): number {
    const pending = this.ports.outbox.entries(this.id).at(-1)?.item.createdAt
    const shown = this.view?.lastMessage?.createdAt ?? this.view?.createdAt
    return Math.max(pending ? Date.parse(pending) : 0, shown ? Date.parse(shown) : 0)
  }

  /** @internal A view from sync or from a question of its own. */
  handleView(view: ConversationView): void {
    const known = this.view
    this.#view.handleView(view, this.window.run, this.#readTeller.wantedSeq)
    this.window.handleHead(view.headSeq)
    const hiddenSince = known?.hiddenVersion ?? 0
    if (known && (view.hiddenVersion ?? 0) > hiddenSince) void this.#askHidden(hiddenSince)
    if (view.unread > 0) this.#tellDelivered()
    this.#keepView()
    this.changed()
    void this.#readTeller.tell()
  }

  /** @internal The server could not continue: nothing kept about this conversation counts any more. */
  handleReplaced(view: ConversationView): void {
    const wasLoaded = this.loaded
    this.window.handleReplaced(view.headSeq)
    this.#view.forget()
    this.handleView(view)
    if (wasLoaded) this.window.reload()
  }

  /** @internal */
  handleArrival(arrival: Arrival): void {
    this.window.handleArrival(arrival)
  }

  /** @internal Everything after `seq` is new to us. */
  handleBegin(seq: number): void {
    this.window.begin(seq)
  }

  /** @internal */
  handleAcked(item: OutboxItem, answer: SendAnswer): void {
    this.typists.sent()
    this.window.begin(answer.seq - 1)
    const { head } = this.window.run
    if (answer.seq <= head) return
    this.sends.handleAcked(item, answer.seq)
    const entry = answer.seq === head + 1 ? this.#entryOf(item, answer) : undefined
    if (entry) this.window.handleArrival({ entry })
    else this.window.handleExpected(answer.seq)
  }

  /** @internal */
  handleRead(userId: string, readSeq: number): void {
    if (userId === this.ports.userId) this.#ownRead(readSeq)
    else this.cursors.handleRead(userId, readSeq)
    this.emit('read', { userId, readSeq })
    this.changed()
  }

  /** @internal */
  handleDelivered(userId: string, deliveredSeq: number): void {
    this.cursors.handleDelivered(userId, deliveredSeq)
    this.emit('delivered', { userId, deliveredSeq })
    this.changed()
  }

  /** @internal */
  handleHidden(seqs: readonly number[], hiddenVersion: number): void {
    this.changes.hide(seqs)
    if (!this.view) return
    this.#view.handleHiddenVersion(hiddenVersion)
    this.#keepView()
    // What is unread, or last, is another now.
    this.#askAgain()
  }

  /** @internal */
  handleDraft(draft: Draft | undefined): void {
    if (!this.view) return
    this.#view.handleDraft(draft)
    this.#keepView()
    this.emit('draft', draft)
    this.changed()
  }

  /** @internal */
  handleDelta({ messageId, offset, text }: { messageId: string; offset: number; text: string }): void {
    this.#growing.take(messageId, offset, text)
  }

  /** @internal */
  handleTyping(userId: string): void {
    if (userId !== this.ports.userId) this.typists.started(userId)
  }

  /** @internal */
  handleConnected(): void {
    this.window.handleConnected()
    this.#growing.resume()
    void this.#deliveredTeller.tell()
  }

  /** @internal */
  handleOutboxChanged(): void {
    this.changed()
  }

  /** @internal What the cache has to hold of this conversation. */
  snapshot(): CachedConversation[] {
    return this.view ? [{ view: this.view, entries: this.window.run.entries }] : []
  }

  /** @internal */
  close(): void {
    this.#closed = true
    this.window.close()
    this.sends.close()
    this.changes.close()
    this.#deliveredTeller.close()
    this.typists.close()
    this.#view.close()
    this.dropListeners()
  }

  /** What was acknowledged, where the client knows all that the server stored; else the server has to be asked. */
  #entryOf(item: OutboxItem, { seq, messageId, createdAt }: SendAnswer): Message | undefined {
    const { content, options, clientMessageId } = item
    const ordinary = !options && !this.view?.messageExpiry
    const plain = ordinary && (content?.type === 'text' || content?.type === 'custom')
    const previousNo =
      this.window.run.entries.at(-1)?.messageNo ?? this.view?.headMessageNo ?? (seq === 1 ? 0 : undefined)
    if (!plain || previousNo === undefined) return undefined
    return {
      id: messageId,
      conversationId: this.id,
      seq,
      messageNo: previousNo + 1,
      senderId: this.ports.userId,
      clientMessageId,
      content,
      createdAt,
    }
  }

  #arrived(arrivals: readonly Arrival[]): void {
    for (const { entry, message } of arrivals) {
      this.sends.handleEntry(entry)
      this.#view.handleEntry(entry)
      this.#announce(entry, message)
    }
    if (arrivals.some(({ entry }) => this.#view.isUnread(entry))) this.#tellDelivered()
    if (!this.view) this.#askAgain() // Made just now; the next sync brings it too.
    this.#keepView()
    this.changed()
  }

  #announce(entry: Message, message: Message | undefined): void {
    const { content } = entry
    if (changesMessage(content)) {
      this.changes.handleChange(entry, content, message)
      return
    }
    switch (content.type) {
      case 'members-added':
      case 'members-removed':
        this.#view.handleMembers(content)
        this.emit('member', entry)
        return
      case 'profile-changed':
        this.#view.handleProfile(content)
        if (this.view) this.emit('profile', this.view)
        return
      default:
        if (changesGroup(content)) {
          this.#view.handleGroupChange(entry)
          this.emit('group', entry)
        }
        if (!isMessage(entry)) return
        this.typists.stopped(entry.senderId)
        this.#growing.see(entry)
        if (entry.threadRootId) this.changes.countReply(entry, 1)
        this.emit('message', entry)
    }
  }

  async #ask(): Promise<void> {
    this.handleView(
      await this.ports.request('conversation.get', { conversationId: this.id }, { resend: true }),
    )
  }

  /** Where the answer is not waited for: the next sync brings what a failure leaves out. */
  #askAgain(): void {
    this.#ask().catch(() => undefined)
  }

  /** @internal */
  protected list(range: { afterSeq?: number; beforeSeq?: number; limit: number }) {
    return this.ports.request('message.list', { conversationId: this.id, ...range }, { resend: true })
  }

  /** @internal The user has read up to `seq`, which the server is told. */
  protected readUpTo(seq: number): void {
    this.#ownRead(seq)
    this.#deliveredTeller.passed(seq)
    void this.#readTeller.want(seq)
  }

  #tellDelivered(): void {
    const seq = this.#view.deliverableSeq
    if (seq !== undefined) this.#deliveredTeller.want(seq)
  }

  async #askHidden(afterVersion: number): Promise<void> {
    await this.changes.askHidden(afterVersion)
    this.#keepView()
  }

  #ownRead(readSeq: number): void {
    if (!this.#view.handleRead(readSeq, this.window.run)) return
    this.#keepView()
    this.changed()
  }

  #keepView(): void {
    if (this.view) this.ports.cache.putView(this.view)
  }

  /** @internal What it shows is different now. */
  protected changed(): void {
    this.#messages = undefined
    this.#messagesApart = undefined
    this.emit('changed', {})
  }

  #listMessages(
    entries: readonly Message[],
    settling: readonly OutboxItem[],
    outgoing: readonly OutboxEntry[],
  ): ChatMessage[] {
    return listMessages({
      userId: this.ports.userId,
      entries,
      at: (seq) => this.window.at(seq),
      textOf: (messageId) => this.#growing.at(messageId),
      settling,
      outgoing,
    })
  }
}
