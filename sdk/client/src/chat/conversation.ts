import type {
  ClientFrameBody,
  ClientFrameType,
  ConversationView,
  Draft,
  FrameAnswers,
  Member,
  Message,
  MessageContent,
  SendAnswer,
  SendOptions,
} from '@parley/contracts'
import { Emitter } from '../emitter.ts'
import { randomId } from '../random-id.ts'
import type { CachedConversation } from './chat-cache.ts'
import { type ChatMessage, isMessage } from './chat-message.ts'
import type { Arrival } from './conversation-log.ts'
import { ConversationMembers } from './conversation-members.ts'
import type {
  ConversationEvents,
  ConversationPorts,
  HistoryOptions,
  SendInput,
  SendResult,
} from './conversation-types.ts'
import { DeliveredTeller } from './delivered-teller.ts'
import { EntryChanges, type MessageOperation } from './entry-changes.ts'
import { EntryWindow, pageSize } from './entry-window.ts'
import { addressIn, isExpired } from './file-address.ts'
import { describeFile, type FileInput, type FileOptions } from './file-input.ts'
import { changesGroup } from './group-view.ts'
import { GrowingTexts } from './growing-texts.ts'
import { LiveView } from './live-view.ts'
import { mostPerPage } from './log-filler.ts'
import { MemberCursors } from './member-cursors.ts'
import { changesMessage } from './message-change.ts'
import type { OutboxEntry, OutboxItem } from './outbox.ts'
import { PendingSends } from './pending-sends.ts'
import { ReadTeller } from './read-teller.ts'
import { listMessages } from './shown-messages.ts'
import { Typing } from './typing.ts'

/** One conversation: its messages in order, what can be done in it, and what happens to it. */
export class Conversation extends Emitter<ConversationEvents> {
  readonly id: string
  readonly #ports: ConversationPorts
  readonly #view: LiveView
  readonly #window: EntryWindow
  readonly #sends: PendingSends
  readonly #changes: EntryChanges
  readonly #members: ConversationMembers
  readonly #cursors: MemberCursors
  readonly #typing: Typing
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
    this.#ports = ports
    this.#peerId = peerId
    const { userId } = ports
    const connected = () => !this.#closed && ports.connected()
    this.#view = new LiveView(userId)
    this.#view.on('doubtful', () => this.#askAgain())
    this.#window = new EntryWindow({
      conversationId: id,
      cache: ports.cache,
      list: (range) => this.#list(range),
      askHead: () => this.#ask(),
      connected,
      heard: () => this.hasListeners('message') || ports.followsAll(),
    })
    this.#window.on('arrived', (arrivals) => this.#arrived(arrivals))
    this.#window.on('passed-over', ({ head }) => this.#sends.handlePassedOver(head))
    this.#window.on('reloaded', () => this.emit('reloaded', {}))
    this.#window.on('changed', () => this.#change())
    this.#sends = new PendingSends({
      userId,
      at: (seq) => this.#window.at(seq),
      head: () => (this.#window.begun ? this.#window.run.head : undefined),
      find: (clientMessageId) =>
        ports.request('message.find', { clientMessageId }, { resend: true, timeoutMs: 120_000 }),
    })
    this.#members = new ConversationMembers(ports.rest, id)
    this.#cursors = new MemberCursors(userId)
    this.#readTeller = new ReadTeller({
      tell: (seq) => ports.request('conversation.read', { conversationId: id, seq }),
      connected,
    })
    this.#deliveredTeller = new DeliveredTeller({
      tell: (seq) => ports.request('conversation.delivered', { conversationId: id, seq }),
      connected,
    })
    this.#growing = new GrowingTexts({
      read: (messageId, offset) => this.perform('stream.read', { messageId, offset }),
      onGrown: (messageId, text) => {
        this.emit('growing', { messageId, text })
        this.#change()
      },
    })
    this.#changes = new EntryChanges({
      conversationId: id,
      userId,
      window: this.#window,
      view: this.#view,
      cache: ports.cache,
      growing: this.#growing,
      request: ports.request,
    })
    this.#changes.on('updated', (message) => this.emit('updated', message))
    this.#changes.on('recalled', (message) => this.emit('recalled', message))
    this.#changes.on('replaced', () => this.#change())
    this.#typing = new Typing((userIds) => {
      this.emit('typing', { userIds })
      this.#change()
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
      this.#window.run.entries,
      this.#sends.settling,
      this.#ports.outbox.entries(this.id),
    )
    return this.#messages
  }

  /**
   * What is loaded around a place far back, ascending, since `loadAround` went there; undefined once that has met
   * `messages`, or was left. A new array after every change.
   */
  get messagesApart(): readonly ChatMessage[] | undefined {
    const { apart } = this.#window
    if (apart) this.#messagesApart ??= this.#listMessages(apart.entries, [], [])
    return apart && this.#messagesApart
  }

  get loaded(): boolean {
    return this.#window.loaded
  }

  /** True while there are older messages than those in `messagesApart`, or else in `messages`. */
  get hasOlder(): boolean {
    return this.#window.hasOlder
  }

  /** True once the user is in it no more, or the client was closed: nothing will happen here again. */
  get ended(): boolean {
    return this.#closed
  }

  get typingUserIds(): string[] {
    return this.#typing.userIds
  }

  /** How far other members have read, as far as it is known; `loadReadCursors` fills it. */
  get readCursors(): ReadonlyMap<string, number> {
    return this.#cursors.read
  }

  /** How far messages have reached devices of others, as far as it is known: in direct conversations live. */
  get deliveredCursors(): ReadonlyMap<string, number> {
    return this.#cursors.delivered
  }

  /** When something happened here last, in milliseconds since 1970. */
  get lastActivityMs(): number {
    const pending = this.#ports.outbox.entries(this.id).at(-1)?.item.createdAt
    const shown = this.view?.lastMessage?.createdAt ?? this.view?.createdAt
    return Math.max(pending ? Date.parse(pending) : 0, shown ? Date.parse(shown) : 0)
  }

  send(input: SendInput): SendResult {
    const content: MessageContent =
      'content' in input
        ? input.content
        : { type: 'text', text: input.text, ...(input.mentions && { mentions: input.mentions }) }
    return this.#send({ content, ...sendOptions(input) }, input.clientMessageId)
  }

  /** Uploads and sends a file; one that browsers can show becomes an image message. */
  sendFile(input: FileInput, options: FileOptions = {}): SendResult {
    const clientMessageId = options.clientMessageId ?? randomId('c')
    const sent = describeFile(input, options).then((file) =>
      this.#send({ file, ...sendOptions(options) }, clientMessageId),
    )
    sent.catch(() => undefined)
    return Object.assign(sent, { clientMessageId })
  }

  /** Sends a failed message again under its old id. */
  retry(clientMessageId: string): SendResult {
    return this.#sends.stored(clientMessageId, this.#ports.outbox.retry(clientMessageId))
  }

  /** Takes back a message that failed or did not leave yet; false when it may be on its way already. */
  discard(clientMessageId: string): boolean {
    return this.#ports.outbox.discard(clientMessageId)
  }

  /** Messages before a seq, ascending, straight from the server. */
  async history({ limit = pageSize, beforeSeq }: HistoryOptions = {}): Promise<Message[]> {
    const found: Message[] = []
    let before = beforeSeq
    for (;;) {
      const page = await this.#list({
        limit: Math.min(mostPerPage, Math.max(1, limit)),
        ...(before !== undefined && { beforeSeq: before }),
      })
      found.unshift(...page.items.filter(isMessage))
      before = page.items[0]?.seq
      if (found.length >= limit || before === undefined || before <= page.visibleFromSeq || before <= 1) break
    }
    return limit > 0 ? found.slice(-limit) : []
  }

  /** Brings the newest messages into `messages`, from the cache where it can. */
  load(): Promise<void> {
    return this.#window.load()
  }

  /** Brings one more page of older messages in, where the reader is; answers whether there are more. */
  loadOlder(limit = pageSize): Promise<boolean> {
    return this.#window.loadOlder(limit)
  }

  /**
   * Brings what is around a message into `messages` where that is close, else into `messagesApart`: one page, however far
   * back it is.
   */
  loadAround(seq: number): Promise<void> {
    return this.#window.loadAround(seq)
  }

  /** Brings the messages after `messagesApart` in; answers whether there are more between them and `messages`. */
  loadNewer(limit = pageSize): Promise<boolean> {
    return this.#window.loadNewer(limit)
  }

  /** Leaves the place far back: `messages` counts again. */
  backToPresent(): void {
    this.#window.leaveApart()
  }

  /** Seq of the first message or other entry since a time; undefined where nothing came since. */
  seqSince(time: Date): Promise<number | undefined> {
    return this.#window.seqSince(time.getTime())
  }

  /** Says that nobody looks any more: only the newest messages stay in memory, until `load` is called again. */
  unload(): void {
    this.#window.unload()
  }

  /**
   * Where the file of a message can be read from. Addresses expire: `renew` asks the server for a new one, which
   * is done by itself where the known address says that its time is over.
   */
  async fileUrl(seq: number, { renew = false } = {}): Promise<string | undefined> {
    const known = addressIn(this.#window.at(seq))
    if (known && !renew && !isExpired(known)) return known
    const { items } = await this.#list({ afterSeq: seq - 1, limit: 1 })
    const [message] = items
    if (message?.seq !== seq) return undefined
    this.#changes.replace(message)
    return addressIn(message)
  }

  /** Replaces the content of an own message; answers it as it stands then. */
  async edit(messageId: string, content: MessageContent | { text: string }): Promise<Message> {
    const whole: MessageContent = 'type' in content ? content : { type: 'text', text: content.text }
    return this.change('message.edit', { messageId, content: whole })
  }

  /** Empties a message for everybody. */
  async recall(messageId: string): Promise<Message> {
    return this.change('message.recall', { messageId })
  }

  /** Reacts with an emoji, once; shown at once and taken back when the server refuses. */
  react(messageId: string, emoji: string): Promise<Message> {
    return this.#changes.toggle('message.react', messageId, emoji)
  }

  unreact(messageId: string, emoji: string): Promise<Message> {
    return this.#changes.toggle('message.unreact', messageId, emoji)
  }

  /** Deletes messages for the user alone, on all devices. */
  async deleteForMe(seqs: number[]): Promise<void> {
    await this.perform('message.hide', { conversationId: this.id, seqs })
    this.#changes.hide(seqs)
  }

  /** Keeps what the user has begun to write for all devices; an empty text forgets it. */
  async saveDraft(text: string): Promise<void> {
    const { draft } = await this.perform('conversation.draft', { conversationId: this.id, text })
    this.handleDraft(draft)
  }

  /** Asks the server for an operation; safe to repeat over a lost connection. */
  perform<T extends ClientFrameType>(type: T, body: ClientFrameBody<T>): Promise<FrameAnswers[T]> {
    return this.#ports.request(type, body, { resend: true })
  }

  /** An operation that answers the message as it stands then, which shows at once. */
  async change<T extends MessageOperation>(type: T, body: ClientFrameBody<T>): Promise<Message> {
    const message = (await this.perform(type, body)) as Message
    this.#changes.replace(message)
    return message
  }

  /** Moves the read cursor to `seq`, or to the newest message; it never moves back. */
  markRead(seq: number = this.#window.run.head): void {
    if (!this.view || seq <= this.view.readSeq) return
    this.#ownRead(seq)
    this.#deliveredTeller.passed(seq)
    void this.#readTeller.want(seq)
  }

  /** Tells that the user types; call it on every key, it limits itself. */
  typing(): void {
    if (!this.view || !this.#ports.connected() || !this.#typing.shouldTell()) return
    this.#ports.request('conversation.typing', { conversationId: this.id }).catch(() => undefined) // Kept nowhere.
  }

  /** All members, by user id. */
  members(): Promise<Member[]> {
    return this.#members.list()
  }

  /** Asks how far everybody has read; later changes come by themselves. */
  async loadReadCursors(): Promise<ReadonlyMap<string, number>> {
    for (const { userId, readSeq, deliveredSeq } of await this.#members.readCursors()) {
      this.#cursors.handleRead(userId, readSeq)
      this.#cursors.handleDelivered(userId, deliveredSeq ?? 0)
    }
    this.#change()
    return this.#cursors.read
  }

  addMembers(userIds: string[]): Promise<void> {
    return this.#members.add(userIds)
  }

  removeMember(userId: string): Promise<void> {
    return this.#members.remove(userId)
  }

  leave(): Promise<void> {
    return this.removeMember(this.#ports.userId)
  }

  /** @internal Asks the server, for what stands beside this class. */
  get request(): ConversationPorts['request'] {
    return this.#ports.request
  }

  // Input of the chat, which owns this conversation.

  /** @internal A view from sync or from a question of its own. */
  handleView(view: ConversationView): void {
    const known = this.view
    this.#view.handleView(view, this.#window.run, this.#readTeller.wantedSeq)
    this.#window.handleHead(view.headSeq)
    const hiddenSince = known?.hiddenVersion ?? 0
    if (known && (view.hiddenVersion ?? 0) > hiddenSince) void this.#askHidden(hiddenSince)
    if (view.unread > 0) this.#tellDelivered()
    this.#keepView()
    this.#change()
    void this.#readTeller.tell()
  }

  /** @internal The server could not continue: nothing kept about this conversation counts any more. */
  handleReplaced(view: ConversationView): void {
    const wasLoaded = this.loaded
    this.#window.handleReplaced(view.headSeq)
    this.#view.forget()
    this.handleView(view)
    if (wasLoaded) this.#window.reload()
  }

  /** @internal */
  handleArrival(arrival: Arrival): void {
    this.#window.handleArrival(arrival)
  }

  /** @internal Everything after `seq` is new to us. */
  handleBegin(seq: number): void {
    this.#window.begin(seq)
  }

  /** @internal */
  handleAcked(item: OutboxItem, answer: SendAnswer): void {
    this.#typing.sent()
    this.#window.begin(answer.seq - 1)
    const { head } = this.#window.run
    if (answer.seq <= head) return
    this.#sends.handleAcked(item, answer.seq)
    const entry = answer.seq === head + 1 ? this.#entryOf(item, answer) : undefined
    if (entry) this.#window.handleArrival({ entry })
    else this.#window.handleExpected(answer.seq)
  }

  /** @internal */
  handleRead(userId: string, readSeq: number): void {
    if (userId === this.#ports.userId) this.#ownRead(readSeq)
    else this.#cursors.handleRead(userId, readSeq)
    this.emit('read', { userId, readSeq })
    this.#change()
  }

  /** @internal */
  handleDelivered(userId: string, deliveredSeq: number): void {
    this.#cursors.handleDelivered(userId, deliveredSeq)
    this.emit('delivered', { userId, deliveredSeq })
    this.#change()
  }

  /** @internal */
  handleHidden(seqs: readonly number[], hiddenVersion: number): void {
    this.#changes.hide(seqs)
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
    this.#change()
  }

  /** @internal */
  handleDelta({ messageId, offset, text }: { messageId: string; offset: number; text: string }): void {
    this.#growing.take(messageId, offset, text)
  }

  /** @internal */
  handleTyping(userId: string): void {
    if (userId !== this.#ports.userId) this.#typing.started(userId)
  }

  /** @internal */
  handleConnected(): void {
    this.#window.handleConnected()
    this.#growing.resume()
    void this.#deliveredTeller.tell()
  }

  /** @internal */
  handleOutboxChanged(): void {
    this.#change()
  }

  /** @internal What the cache has to hold of this conversation. */
  snapshot(): CachedConversation[] {
    return this.view ? [{ view: this.view, entries: this.#window.run.entries }] : []
  }

  /** @internal */
  close(): void {
    this.#closed = true
    this.#window.close()
    this.#sends.close()
    this.#changes.close()
    this.#deliveredTeller.close()
    this.#typing.close()
    this.#view.close()
    this.dropListeners()
  }

  #send(
    what: Pick<OutboxItem, 'content' | 'file' | 'options'>,
    clientMessageId: string = randomId('c'),
  ): SendResult {
    const toUserId = this.peerId
    const draft = {
      clientMessageId,
      conversationId: this.id,
      ...(toUserId !== undefined && { toUserId }),
      ...what,
    }
    return this.#sends.stored(clientMessageId, this.#ports.outbox.add(draft))
  }

  /** What was acknowledged, where the client knows all that the server stored; else the server has to be asked. */
  #entryOf(item: OutboxItem, { seq, messageId, createdAt }: SendAnswer): Message | undefined {
    const { content, options, clientMessageId } = item
    const ordinary = !options && !this.view?.messageExpiry
    const plain = ordinary && (content?.type === 'text' || content?.type === 'custom')
    const previousNo =
      this.#window.run.entries.at(-1)?.messageNo ?? this.view?.headMessageNo ?? (seq === 1 ? 0 : undefined)
    if (!plain || previousNo === undefined) return undefined
    return {
      id: messageId,
      conversationId: this.id,
      seq,
      messageNo: previousNo + 1,
      senderId: this.#ports.userId,
      clientMessageId,
      content,
      createdAt,
    }
  }

  #arrived(arrivals: readonly Arrival[]): void {
    for (const { entry, message } of arrivals) {
      this.#sends.handleEntry(entry)
      this.#view.handleEntry(entry)
      this.#announce(entry, message)
    }
    if (arrivals.some(({ entry }) => this.#view.isUnread(entry))) this.#tellDelivered()
    if (!this.view) this.#askAgain() // Made just now; the next sync brings it too.
    this.#keepView()
    this.#change()
  }

  #announce(entry: Message, message: Message | undefined): void {
    const { content } = entry
    if (changesMessage(content)) {
      this.#changes.handleChange(entry, content, message)
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
        this.#typing.stopped(entry.senderId)
        this.#growing.see(entry)
        if (entry.threadRootId) this.#changes.countReply(entry, 1)
        this.emit('message', entry)
    }
  }

  async #ask(): Promise<void> {
    this.handleView(
      await this.#ports.request('conversation.get', { conversationId: this.id }, { resend: true }),
    )
  }

  /** Where the answer is not waited for: the next sync brings what a failure leaves out. */
  #askAgain(): void {
    this.#ask().catch(() => undefined)
  }

  #list(range: { afterSeq?: number; beforeSeq?: number; limit: number }) {
    return this.#ports.request('message.list', { conversationId: this.id, ...range }, { resend: true })
  }

  #tellDelivered(): void {
    const seq = this.#view.deliverableSeq
    if (seq !== undefined) this.#deliveredTeller.want(seq)
  }

  async #askHidden(afterVersion: number): Promise<void> {
    await this.#changes.askHidden(afterVersion)
    this.#keepView()
  }

  #ownRead(readSeq: number): void {
    if (!this.#view.handleRead(readSeq, this.#window.run)) return
    this.#keepView()
    this.#change()
  }

  #keepView(): void {
    if (this.view) this.#ports.cache.putView(this.view)
  }

  #change(): void {
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
      userId: this.#ports.userId,
      entries,
      at: (seq) => this.#window.at(seq),
      textOf: (messageId) => this.#growing.at(messageId),
      settling,
      outgoing,
    })
  }
}

/** What a send says beside its content. */
function sendOptions(input: SendOptions): { options?: SendOptions } {
  const { replyToId, threadRootId, expiresAfterMs, burnAfterReadMs } = input
  const options = {
    ...(replyToId && { replyToId }),
    ...(threadRootId && { threadRootId }),
    ...(expiresAfterMs && { expiresAfterMs }),
    ...(burnAfterReadMs && { burnAfterReadMs }),
  }
  return Object.keys(options).length > 0 ? { options } : {}
}
