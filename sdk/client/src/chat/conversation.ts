import type {
  ConversationView,
  chatEndpoints,
  EndpointAnswer,
  EntryContent,
  Member,
  Message,
  MessageContent,
  SendAnswer,
} from '@parley/contracts'
import { Emitter } from '../emitter.ts'
import { randomId } from '../random-id.ts'
import { segment } from '../rest.ts'
import type { StorageChange } from '../storage/storage.ts'
import { entryChange } from './chat-cache.ts'
import { type ChatMessage, isMessage, isShown, outgoingMessage, storedMessage } from './chat-message.ts'
import { type Arrival, ConversationLog } from './conversation-log.ts'
import type {
  ConversationEvents,
  ConversationPorts,
  HistoryOptions,
  SendInput,
  SendResult,
} from './conversation-types.ts'
import { addressIn, isExpired } from './file-address.ts'
import { describeFile, type FileInput, type FileOptions } from './file-input.ts'
import { LogFiller, longestGap, mostPerPage } from './log-filler.ts'
import { changed, type MessageChange } from './message-change.ts'
import type { OutboxItem } from './outbox.ts'
import { ReadTeller } from './read-teller.ts'
import { Typing } from './typing.ts'

type MembersPage = EndpointAnswer<(typeof chatEndpoints)['listMembers']>
type CursorsPage = EndpointAnswer<(typeof chatEndpoints)['listReadCursors']>

const pageSize = 50
const mostUnread = 999

/** One conversation: its messages in order, what can be done in it, and what happens to it. */
export class Conversation extends Emitter<ConversationEvents> {
  readonly id: string
  readonly #ports: ConversationPorts
  readonly #typing: Typing
  readonly #filler: LogFiller
  readonly #readTeller: ReadTeller
  readonly #readCursors = new Map<string, number>()
  /** Acknowledged by the server, not yet in the log. */
  readonly #settling = new Map<string, { item: OutboxItem; seq: number }>()
  readonly #awaited = new Map<number, ((message: Message) => void)[]>()
  #view: ConversationView | undefined
  #log: ConversationLog | undefined
  #peerId: string | undefined
  #visibleFromSeq = 1
  #loaded = false
  #loading: Promise<void> | undefined
  #loadingOlder: Promise<boolean> | undefined
  #messages: readonly ChatMessage[] | undefined
  #closed = false

  /** @internal */
  constructor(id: string, ports: ConversationPorts, peerId?: string) {
    super()
    this.id = id
    this.#ports = ports
    this.#peerId = peerId
    this.#filler = new LogFiller({
      log: () => this.#log,
      list: (range) => this.#list(range),
      connected: () => !this.#closed && ports.connected(),
      onReady: (arrivals) => this.#deliver(arrivals),
      onTooLong: (log, head) => this.#passOver(log, head),
    })
    this.#readTeller = new ReadTeller({
      tell: (seq) => ports.request('conversation.read', { conversationId: id, seq }),
      connected: () => !this.#closed && ports.connected(),
    })
    this.#typing = new Typing((userIds) => {
      this.emit('typing', { userIds })
      this.#change()
    })
  }

  /** The conversation as the user sees it; undefined until it is known, or before its first message. */
  get view(): ConversationView | undefined {
    return this.#view
  }

  /** The other user of a direct conversation. */
  get peerId(): string | undefined {
    return this.#view?.peerId ?? this.#peerId
  }

  /** What is loaded, ascending, with own messages on their way at the end. A new array after every change. */
  get messages(): readonly ChatMessage[] {
    this.#messages ??= this.#listMessages()
    return this.#messages
  }

  get loaded(): boolean {
    return this.#loaded
  }

  /** True while there are older messages than those in `messages`. */
  get hasOlder(): boolean {
    return this.#log !== undefined && this.#log.from > Math.max(1, this.#visibleFromSeq)
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
    return this.#readCursors
  }

  /** When something happened here last, in milliseconds since 1970. */
  get lastActivityMs(): number {
    const pending = this.#ports.outbox.entries(this.id).at(-1)?.item.createdAt
    const shown = this.#view?.lastMessage?.createdAt ?? this.#view?.createdAt
    return Math.max(pending ? Date.parse(pending) : 0, shown ? Date.parse(shown) : 0)
  }

  send(input: SendInput): SendResult {
    const content: MessageContent =
      'content' in input
        ? input.content
        : { type: 'text', text: input.text, ...(input.mentions && { mentions: input.mentions }) }
    return this.#send({ content }, input.clientMessageId)
  }

  /** Uploads and sends a file; one that browsers can show becomes an image message. */
  sendFile(input: FileInput, options: FileOptions = {}): SendResult {
    const clientMessageId = options.clientMessageId ?? randomId('c')
    const sent = describeFile(input, options).then((file) => this.#send({ file }, clientMessageId))
    sent.catch(() => undefined)
    return Object.assign(sent, { clientMessageId })
  }

  /** Sends a failed message again under its old id. */
  retry(clientMessageId: string): SendResult {
    return this.#stored(clientMessageId, this.#ports.outbox.retry(clientMessageId))
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
    if (this.#loaded) return Promise.resolve()
    this.#loading ??= this.#load().finally(() => {
      this.#loading = undefined
    })
    return this.#loading
  }

  /** Brings one more page of older messages into `messages`; answers whether there are more. */
  loadOlder(limit = pageSize): Promise<boolean> {
    this.#loadingOlder ??= this.#loadOlder(limit).finally(() => {
      this.#loadingOlder = undefined
    })
    return this.#loadingOlder
  }

  /**
   * Where the file of a message can be read from. Addresses expire: `renew` asks the server for a new one, which
   * is done by itself where the known address says that its time is over.
   */
  async fileUrl(seq: number, { renew = false } = {}): Promise<string | undefined> {
    const known = addressIn(this.#log?.at(seq))
    if (known && !renew && !isExpired(known)) return known
    const { items } = await this.#list({ afterSeq: seq - 1, limit: 1 })
    const [message] = items
    if (message?.seq !== seq) return undefined
    this.#replace(message)
    return addressIn(message)
  }

  /** Replaces the content of an own message; answers it as it stands then. */
  async edit(messageId: string, content: MessageContent | { text: string }): Promise<Message> {
    const whole: MessageContent = 'type' in content ? content : { type: 'text', text: content.text }
    const message = await this.#ports.request('message.edit', { messageId, content: whole }, { resend: true })
    this.#replace(message)
    return message
  }

  /** Empties a message for everybody. */
  async recall(messageId: string): Promise<Message> {
    const message = await this.#ports.request('message.recall', { messageId }, { resend: true })
    this.#replace(message)
    return message
  }

  /** Moves the read cursor to `seq`, or to the newest message; it never moves back. */
  markRead(seq: number = this.#log?.head ?? 0): void {
    if (!this.#view || seq <= this.#view.readSeq) return
    this.#applyOwnRead(seq)
    void this.#readTeller.want(seq)
  }

  /** Tells that the user types; call it on every key, it limits itself. */
  typing(): void {
    if (!this.#view || !this.#ports.connected() || !this.#typing.shouldTell()) return
    this.#ports.request('conversation.typing', { conversationId: this.id }).catch(() => undefined) // Kept nowhere.
  }

  /** All members, by user id. */
  async members(): Promise<Member[]> {
    const members: Member[] = []
    for await (const page of this.#pages<MembersPage>('members')) members.push(...page.items)
    return members
  }

  /** Asks how far everybody has read; later changes come by themselves. */
  async loadReadCursors(): Promise<ReadonlyMap<string, number>> {
    for await (const page of this.#pages<CursorsPage>('read-cursors')) {
      for (const { userId, readSeq } of page.items) this.#noteRead(userId, readSeq)
    }
    this.#change()
    return this.#readCursors
  }

  async addMembers(userIds: string[]): Promise<void> {
    await this.#ports.rest.call('POST', `${this.#path}/members`, { body: { userIds } })
  }

  async removeMember(userId: string): Promise<void> {
    await this.#ports.rest.call('DELETE', `${this.#path}/members/${segment(userId)}`)
  }

  leave(): Promise<void> {
    return this.removeMember(this.#ports.userId)
  }

  // Input of the chat, which owns this conversation.

  /** @internal A view from sync or from a question of its own. */
  handleView(view: ConversationView): void {
    const log = this.#log
    const newer = (log?.entries ?? []).filter(({ seq }) => seq > view.headSeq)
    const readSeq = Math.max(view.readSeq, this.#view?.readSeq ?? 0, this.#readTeller.wantedSeq)
    const last = newer.findLast(isMessage) ?? view.lastMessage
    this.#view = {
      ...view,
      readSeq,
      unread: view.unread + newer.filter((entry) => this.#isUnread(entry, readSeq)).length,
      headSeq: Math.max(view.headSeq, log?.head ?? 0),
      ...(last && { lastMessage: last }),
    }
    if (readSeq >= this.#view.headSeq) this.#view.unread = 0
    if (!log) {
      this.#log = new ConversationLog(view.headSeq)
    } else if (view.headSeq > log.head) {
      log.expect(view.headSeq)
      if (!this.#followed) this.#skip()
      else void this.#filler.now()
    }
    this.#keepView()
    this.#change()
    void this.#readTeller.tell()
  }

  /** @internal The server could not continue: nothing kept about this conversation counts any more. */
  handleReplaced(view: ConversationView): void {
    const wasLoaded = this.#loaded
    this.#log?.restart(view.headSeq)
    this.#view = undefined
    this.#visibleFromSeq = 1
    this.handleView(view)
    if (wasLoaded) this.#reload()
  }

  /** @internal */
  handleArrival(arrival: Arrival): void {
    // Of a conversation heard of for the first time, this entry is where it begins for us.
    this.#log ??= new ConversationLog(arrival.entry.seq - 1)
    this.#deliver(this.#log.receive(arrival))
    if (this.#log.missing) this.#filler.soon()
  }

  /** @internal Everything after `seq` is new to us. */
  handleBegin(seq: number): void {
    this.#log ??= new ConversationLog(seq)
  }

  /** @internal */
  handleAcked(item: OutboxItem, answer: SendAnswer): void {
    this.#typing.sent()
    this.#log ??= new ConversationLog(answer.seq - 1)
    const log = this.#log
    if (answer.seq <= log.head) return
    this.#settling.set(item.clientMessageId, { item, seq: answer.seq })
    const { content } = item
    const plain = content?.type === 'text' || content?.type === 'custom'
    const previousNo =
      log.entries.at(-1)?.messageNo ?? this.#view?.headMessageNo ?? (log.head === 0 ? 0 : undefined)
    if (plain && answer.seq === log.head + 1 && previousNo !== undefined) {
      const entry: Message = {
        id: answer.messageId,
        conversationId: this.id,
        seq: answer.seq,
        messageNo: previousNo + 1,
        senderId: this.#ports.userId,
        clientMessageId: item.clientMessageId,
        content,
        createdAt: answer.createdAt,
      }
      this.handleArrival({ entry })
    } else {
      // Facts of a file come from the server only, and earlier entries have to come first.
      log.expect(answer.seq)
      this.#filler.soon()
    }
  }

  /** @internal */
  handleRead(userId: string, readSeq: number): void {
    if (userId === this.#ports.userId) this.#applyOwnRead(readSeq)
    else this.#noteRead(userId, readSeq)
    this.emit('read', { userId, readSeq })
    this.#change()
  }

  /** @internal */
  handleTyping(userId: string): void {
    if (userId !== this.#ports.userId) this.#typing.started(userId)
  }

  /** @internal */
  handleConnected(): void {
    if (this.#log?.missing) this.#filler.soon()
  }

  /** @internal */
  handleOutboxChanged(): void {
    this.#change()
  }

  /** @internal What the cache has to hold of this conversation. */
  snapshot(): StorageChange[] {
    if (!this.#view) return []
    return [
      { table: 'conversations', put: { key: this.id, value: this.#view } },
      ...(this.#log?.entries ?? []).map(entryChange),
    ]
  }

  /** @internal */
  close(): void {
    this.#closed = true
    this.#filler.close()
    this.#typing.close()
    this.dropListeners()
  }

  get #path(): string {
    return `/v1/conversations/${segment(this.id)}`
  }

  /** Whether somebody looks at or listens to this conversation, so that no entry may be passed over. */
  get #followed(): boolean {
    return (
      this.#loaded || this.#loading !== undefined || this.hasListeners('message') || this.#ports.followsAll()
    )
  }

  #send(what: Pick<OutboxItem, 'content' | 'file'>, clientMessageId: string = randomId('c')): SendResult {
    const toUserId = this.peerId
    const draft = {
      clientMessageId,
      conversationId: this.id,
      ...(toUserId !== undefined && { toUserId }),
      ...what,
    }
    return this.#stored(clientMessageId, this.#ports.outbox.add(draft))
  }

  #stored(clientMessageId: string, acked: Promise<SendAnswer>): SendResult {
    const stored = acked.then(async ({ seq }) => {
      const message = this.#log?.at(seq)
      if (message) return message
      if (this.#log && seq <= this.#log.head)
        return this.#ports.request('message.find', { clientMessageId }, { resend: true })
      return new Promise<Message>((resolve) => {
        this.#awaited.set(seq, [...(this.#awaited.get(seq) ?? []), resolve])
      })
    })
    stored.catch(() => undefined)
    return Object.assign(stored, { clientMessageId })
  }

  #deliver(arrivals: readonly Arrival[]): void {
    if (arrivals.length === 0) return
    for (const { entry, message } of arrivals) {
      this.#ports.cache.putEntries([entry])
      if (entry.clientMessageId && entry.senderId === this.#ports.userId)
        this.#settling.delete(entry.clientMessageId)
      this.#advance(entry)
      this.#announce(entry, message)
      for (const resolve of this.#awaited.get(entry.seq) ?? []) resolve(entry)
      this.#awaited.delete(entry.seq)
    }
    if (!this.#view) this.#ask().catch(() => undefined) // Made just now; the next sync brings it too.
    this.#keepView()
    this.#change()
  }

  #advance(entry: Message): void {
    const view = this.#view
    if (!view || entry.seq <= view.headSeq) return
    this.#view = {
      ...view,
      headSeq: entry.seq,
      headMessageNo: entry.messageNo,
      unread: Math.min(mostUnread, view.unread + (this.#isUnread(entry, view.readSeq) ? 1 : 0)),
      ...(isMessage(entry) && { lastMessage: entry }),
    }
  }

  #announce(entry: Message, message: Message | undefined): void {
    const { content } = entry
    switch (content.type) {
      case 'edit':
      case 'recall':
        this.#applyChange(entry, content, message)
        return
      case 'members-added':
      case 'members-removed':
        this.#countMembers(content)
        this.emit('member', entry)
        return
      case 'profile-changed': {
        const { type: _type, ...profile } = content
        if (!this.#view) return
        this.#view = { ...this.#view, ...(profile as Partial<ConversationView>) }
        this.emit('profile', this.#view)
        return
      }
      default:
        if (!isMessage(entry)) return
        this.#typing.stopped(entry.senderId)
        this.emit('message', entry)
    }
  }

  /** An edit or recall in the log changes an earlier entry, in memory or in the cache. */
  #applyChange(entry: Message, change: MessageChange, message: Message | undefined): void {
    const apply = (target: Message) => message ?? changed(target, entry, change)
    const target = this.#log?.at(change.targetSeq)
    if (target) this.#replace(apply(target))
    else this.#ports.cache.updateEntry(this.id, change.targetSeq, apply).catch(() => undefined)
    const last = this.#view?.lastMessage
    if (this.#view && last?.seq === change.targetSeq) this.#view = { ...this.#view, lastMessage: apply(last) }
    const now = this.#log?.at(change.targetSeq) ?? message
    if (now) this.emit(change.type === 'edit' ? 'updated' : 'recalled', now)
  }

  #replace(message: Message): void {
    if (!this.#log?.replace(message)) return
    this.#ports.cache.putEntries([message])
    if (this.#view?.lastMessage?.id === message.id) this.#view = { ...this.#view, lastMessage: message }
    this.#change()
  }

  #countMembers(content: Extract<EntryContent, { type: 'members-added' | 'members-removed' }>): void {
    if (!this.#view) return
    const by = content.type === 'members-added' ? content.members.length : -content.userIds.length
    this.#view = { ...this.#view, memberCount: Math.max(0, this.#view.memberCount + by) }
  }

  #isUnread(entry: Message, readSeq: number): boolean {
    return isMessage(entry) && entry.senderId !== this.#ports.userId && entry.seq > readSeq
  }

  #passOver(log: ConversationLog, head: number): void {
    this.#deliver(log.skipTo(head))
    this.#ports.cache.dropEntries(this.id)
    this.#reload()
  }

  #reload(): void {
    this.#loaded = false
    this.#settleAwaited()
    this.emit('reloaded', {})
    this.load().catch(() => undefined) // The next load tries again.
  }

  /** Nobody looks: the entries between are left on the server until somebody does. */
  #skip(): void {
    const log = this.#log
    if (!log?.missing) return
    this.#ports.cache.dropEntries(this.id)
    this.#deliver(log.skipTo(log.missing.afterSeq + log.missing.count))
    this.#settleAwaited()
  }

  /** Sends whose entry was passed over are answered from the server. */
  #settleAwaited(): void {
    const head = this.#log?.head ?? 0
    for (const [clientMessageId, { seq }] of this.#settling) {
      if (seq > head) continue
      this.#settling.delete(clientMessageId)
      const waiting = this.#awaited.get(seq) ?? []
      this.#awaited.delete(seq)
      const found = this.#ports.request(
        'message.find',
        { clientMessageId },
        { resend: true, timeoutMs: 120_000 },
      )
      found.then(
        (message) => {
          for (const resolve of waiting) resolve(message)
        },
        () => undefined,
      )
    }
  }

  async #load(): Promise<void> {
    if (!this.#log) await this.#ask()
    const log = this.#log
    if (!log) return
    const stored = await this.#ports.cache.entries(this.id, log.from - 1, pageSize)
    const last = stored.at(-1)?.seq ?? log.from - 1
    if (last === log.from - 1) log.prepend(stored)
    else if (log.entries.length === 0 && log.head - last <= longestGap) {
      const head = log.head
      log.rewind(stored)
      log.expect(head)
      void this.#filler.now()
    } else this.#ports.cache.dropEntries(this.id)
    if (log.entries.length === 0 && log.head > 0) await this.#loadNewest(log)
    this.#loaded = true
    this.#change()
  }

  async #loadNewest(log: ConversationLog): Promise<void> {
    const { items, visibleFromSeq } = await this.#list({ limit: pageSize })
    this.#visibleFromSeq = visibleFromSeq
    const older = items.filter(({ seq }) => seq < log.from)
    if (log.prepend(older)) this.#ports.cache.putEntries(older)
    for (const entry of items) this.#deliver(log.receive({ entry }))
  }

  async #loadOlder(limit: number): Promise<boolean> {
    await this.load()
    const log = this.#log
    if (!log || !this.hasOlder) return false
    const stored = await this.#ports.cache.entries(this.id, log.from - 1, limit)
    if (!log.prepend(stored)) {
      const { items, visibleFromSeq } = await this.#list({ beforeSeq: log.from, limit })
      this.#visibleFromSeq = visibleFromSeq
      if (log.prepend(items)) this.#ports.cache.putEntries(items)
    }
    this.#change()
    return this.hasOlder
  }

  async #ask(): Promise<void> {
    this.handleView(
      await this.#ports.request('conversation.get', { conversationId: this.id }, { resend: true }),
    )
  }

  #list(range: { afterSeq?: number; beforeSeq?: number; limit: number }) {
    return this.#ports.request('message.list', { conversationId: this.id, ...range }, { resend: true })
  }

  async *#pages<Page extends { nextCursor?: string | undefined }>(what: string): AsyncGenerator<Page> {
    let cursor: string | undefined
    do {
      const page = await this.#ports.rest.call<Page>('GET', `${this.#path}/${what}`, {
        query: { limit: 200, cursor },
      })
      yield page
      cursor = page.nextCursor
    } while (cursor !== undefined)
  }

  #noteRead(userId: string, readSeq: number): void {
    if (userId === this.#ports.userId) return
    this.#readCursors.set(userId, Math.max(readSeq, this.#readCursors.get(userId) ?? 0))
  }

  #applyOwnRead(readSeq: number): void {
    const view = this.#view
    if (!view || readSeq <= view.readSeq) return
    const log = this.#log
    let unread = 0
    if (log && readSeq < log.head) {
      const complete = log.from <= readSeq + 1
      unread = complete ? log.entries.filter((entry) => this.#isUnread(entry, readSeq)).length : view.unread
      if (!complete) this.#ask().catch(() => undefined) // The next sync brings the count.
    }
    this.#view = { ...view, readSeq, unread: Math.min(mostUnread, unread) }
    this.#keepView()
    this.#change()
  }

  #keepView(): void {
    if (this.#view) this.#ports.cache.putView(this.#view)
  }

  #change(): void {
    this.#messages = undefined
    this.emit('changed', {})
  }

  #listMessages(): ChatMessage[] {
    const { userId, outbox } = this.#ports
    const stored = (this.#log?.entries ?? []).filter(isShown).map((entry) => storedMessage(entry, userId))
    const known = new Set(stored.flatMap(({ key, senderId }) => (senderId === userId ? [key] : [])))
    const settling = [...this.#settling.values()].map(({ item }) =>
      outgoingMessage({ item, state: 'in-flight', progress: 1 }, userId),
    )
    const outgoing = outbox.entries(this.id).map((entry) => outgoingMessage(entry, userId))
    return [...stored, ...[...settling, ...outgoing].filter(({ key }) => !known.has(key))]
  }
}
