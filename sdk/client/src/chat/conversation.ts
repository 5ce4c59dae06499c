import type {
  ClientFrameBody,
  ClientFrameType,
  FrameAnswers,
  Member,
  Message,
  MessageContent,
  SendOptions,
} from '@parley/contracts'
import { randomId } from '../random-id.ts'
import { isMessage } from './chat-message.ts'
import { ConversationFeed } from './conversation-feed.ts'
import { ConversationMembers } from './conversation-members.ts'
import type { ConversationPorts, HistoryOptions, SendInput, SendResult } from './conversation-types.ts'
import type { MessageOperation } from './entry-changes.ts'
import { pageSize } from './entry-window.ts'
import { addressIn, isExpired } from './file-address.ts'
import { describeFile, type FileInput, type FileOptions } from './file-input.ts'
import { mostPerPage } from './log-filler.ts'
import type { OutboxItem } from './outbox.ts'

/** One conversation: what is known of it, and what can be done in it. */
export class Conversation extends ConversationFeed {
  readonly #members: ConversationMembers

  /** @internal */
  constructor(id: string, ports: ConversationPorts, peerId?: string) {
    super(id, ports, peerId)
    this.#members = new ConversationMembers(ports.rest, id)
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
    return this.sends.stored(clientMessageId, this.ports.outbox.retry(clientMessageId))
  }

  /** Takes back a message that failed or did not leave yet; false when it may be on its way already. */
  discard(clientMessageId: string): boolean {
    return this.ports.outbox.discard(clientMessageId)
  }

  /** Messages before a seq, ascending, straight from the server. */
  async history({ limit = pageSize, beforeSeq }: HistoryOptions = {}): Promise<Message[]> {
    const found: Message[] = []
    let before = beforeSeq
    for (;;) {
      const page = await this.list({
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
    return this.window.load()
  }

  /** Brings one more page of older messages in, where the reader is; answers whether there are more. */
  loadOlder(limit = pageSize): Promise<boolean> {
    return this.window.loadOlder(limit)
  }

  /**
   * Brings what is around a message into `messages` where that is close, else into `messagesApart`: one page, however far
   * back it is.
   */
  loadAround(seq: number): Promise<void> {
    return this.window.loadAround(seq)
  }

  /** Brings the messages after `messagesApart` in; answers whether there are more between them and `messages`. */
  loadNewer(limit = pageSize): Promise<boolean> {
    return this.window.loadNewer(limit)
  }

  /** Leaves the place far back: `messages` counts again. */
  backToPresent(): void {
    this.window.leaveApart()
  }

  /** Seq of the first message or other entry since a time; undefined where nothing came since. */
  seqSince(time: Date): Promise<number | undefined> {
    return this.window.seqSince(time.getTime())
  }

  /** Says that nobody looks any more: only the newest messages stay in memory, until `load` is called again. */
  unload(): void {
    this.window.unload()
  }

  /**
   * Where the file of a message can be read from. Addresses expire: `renew` asks the server for a new one, which
   * is done by itself where the known address says that its time is over.
   */
  async fileUrl(seq: number, { renew = false } = {}): Promise<string | undefined> {
    const known = addressIn(this.window.at(seq))
    if (known && !renew && !isExpired(known)) return known
    const { items } = await this.list({ afterSeq: seq - 1, limit: 1 })
    const [message] = items
    if (message?.seq !== seq) return undefined
    this.changes.replace(message)
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
    return this.changes.toggle('message.react', messageId, emoji)
  }

  unreact(messageId: string, emoji: string): Promise<Message> {
    return this.changes.toggle('message.unreact', messageId, emoji)
  }

  /** Deletes messages for the user alone, on all devices. */
  async deleteForMe(seqs: number[]): Promise<void> {
    await this.perform('message.hide', { conversationId: this.id, seqs })
    this.changes.hide(seqs)
  }

  /** Keeps what the user has begun to write for all devices; an empty text forgets it. */
  async saveDraft(text: string): Promise<void> {
    const { draft } = await this.perform('conversation.draft', { conversationId: this.id, text })
    this.handleDraft(draft)
  }

  /** Asks the server for an operation; safe to repeat over a lost connection. */
  perform<T extends ClientFrameType>(type: T, body: ClientFrameBody<T>): Promise<FrameAnswers[T]> {
    return this.ports.request(type, body, { resend: true })
  }

  /** An operation that answers the message as it stands then, which shows at once. */
  async change<T extends MessageOperation>(type: T, body: ClientFrameBody<T>): Promise<Message> {
    const message = (await this.perform(type, body)) as Message
    this.changes.replace(message)
    return message
  }

  /** Moves the read cursor to `seq`, or to the newest message; it never moves back. */
  markRead(seq: number = this.window.run.head): void {
    if (!this.view || seq <= this.view.readSeq) return
    this.readUpTo(seq)
  }

  /** Tells that the user types; call it on every key, it limits itself. */
  typing(): void {
    if (!this.view || !this.ports.connected() || !this.typists.shouldTell()) return
    this.ports.request('conversation.typing', { conversationId: this.id }).catch(() => undefined) // Kept nowhere.
  }

  /** All members, by user id. */
  members(): Promise<Member[]> {
    return this.#members.list()
  }

  /** Asks how far everybody has read; later changes come by themselves. */
  async loadReadCursors(): Promise<ReadonlyMap<string, number>> {
    for (const { userId, readSeq, deliveredSeq } of await this.#members.readCursors()) {
      this.cursors.handleRead(userId, readSeq)
      this.cursors.handleDelivered(userId, deliveredSeq ?? 0)
    }
    this.changed()
    return this.cursors.read
  }

  addMembers(userIds: string[]): Promise<void> {
    return this.#members.add(userIds)
  }

  removeMember(userId: string): Promise<void> {
    return this.#members.remove(userId)
  }

  leave(): Promise<void> {
    return this.removeMember(this.ports.userId)
  }

  /** @internal Asks the server, for what stands beside this class. */
  get request(): ConversationPorts['request'] {
    return this.ports.request
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
    return this.sends.stored(clientMessageId, this.ports.outbox.add(draft))
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
