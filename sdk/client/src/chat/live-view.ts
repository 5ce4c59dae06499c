import type { ConversationView, Draft, EntryContent, Message } from '@parley/contracts'
import { Emitter } from '../emitter.ts'
import { isLiving, isMessage } from './chat-message.ts'
import { afterGroupChange } from './group-view.ts'

/** What a view is counted from: the gapless run of entries in memory. */
export interface EntryRun {
  readonly entries: readonly Message[]
  /** Seq of the first entry; one past the head when there is none. */
  readonly from: number
  readonly head: number
}

export interface LiveViewEvents {
  /** What is in memory does not tell how much is unread: the server has to be asked. */
  doubtful: Record<string, never>
}

const mostUnread = 999
/** Delivery is told in conversations up to this size. */
const mostWithReceipts = 500

/** The view of one conversation, kept in step with its entries between the answers of the server. No I/O. */
export class LiveView extends Emitter<LiveViewEvents> {
  readonly #userId: string
  #view: ConversationView | undefined

  constructor(userId: string) {
    super()
    this.#userId = userId
  }

  get current(): ConversationView | undefined {
    return this.#view
  }

  /** Up to where entries should be told as delivered; undefined where nobody asks, or all is read. */
  get deliverableSeq(): number | undefined {
    const view = this.#view
    if (!view || view.memberCount > mostWithReceipts || view.headSeq <= view.readSeq) return undefined
    return view.headSeq
  }

  isUnread(entry: Message, readSeq = 0): boolean {
    return isMessage(entry) && isLiving(entry) && entry.senderId !== this.#userId && entry.seq > readSeq
  }

  /** A view of the server, which may be older than the entries that came since. `wantedReadSeq`: read, not yet told. */
  handleView(view: ConversationView, run: EntryRun, wantedReadSeq: number): void {
    const newer = run.entries.filter(({ seq }) => seq > view.headSeq)
    const readSeq = Math.max(view.readSeq, this.#view?.readSeq ?? 0, wantedReadSeq)
    const last = newer.findLast(isMessage) ?? view.lastMessage
    const unread = view.unread + newer.filter((entry) => this.isUnread(entry, readSeq)).length
    const headSeq = Math.max(view.headSeq, run.head)
    this.#view = {
      ...view,
      readSeq,
      unread: readSeq >= headSeq ? 0 : Math.min(mostUnread, unread),
      headSeq,
      ...(last && { lastMessage: last }),
    }
  }

  /** Nothing of the view counts any more. */
  forget(): void {
    this.#view = undefined
  }

  handleEntry(entry: Message): void {
    const view = this.#view
    if (!view || entry.seq <= view.headSeq) return
    const unread = view.unread + (this.isUnread(entry, view.readSeq) ? 1 : 0)
    this.#view = {
      ...view,
      headSeq: entry.seq,
      headMessageNo: entry.messageNo,
      unread: Math.min(mostUnread, unread),
      ...(isMessage(entry) && { lastMessage: entry }),
    }
  }

  /** The user has read up to `readSeq`; answers whether that is news. */
  handleRead(readSeq: number, run: EntryRun): boolean {
    const view = this.#view
    if (!view || readSeq <= view.readSeq) return false
    let unread = 0
    let complete = true
    if (readSeq < run.head) {
      complete = run.from <= readSeq + 1
      unread = complete ? run.entries.filter((entry) => this.isUnread(entry, readSeq)).length : view.unread
    }
    this.#view = { ...view, readSeq, unread: Math.min(mostUnread, unread) }
    if (!complete) this.emit('doubtful', {})
    return true
  }

  /** A message is no more. Count and last message may have been told before or after that. */
  handleGone(seq: number, target: Message | undefined): void {
    const view = this.#view
    if (!view || view.unread === 0 || seq <= view.readSeq) return
    const counted = target && this.isUnread(target, view.readSeq)
    if (counted && view.unread < mostUnread) this.#view = { ...view, unread: view.unread - 1 }
    else if (counted || !target) this.emit('doubtful', {})
  }

  /** A message stands otherwise now. */
  handleMessage(message: Message): void {
    if (this.#view?.lastMessage?.seq === message.seq) this.#view = { ...this.#view, lastMessage: message }
  }

  handleMembers(content: Extract<EntryContent, { type: 'members-added' | 'members-removed' }>): void {
    if (!this.#view) return
    const by = content.type === 'members-added' ? content.members.length : -content.userIds.length
    this.#view = { ...this.#view, memberCount: Math.max(0, this.#view.memberCount + by) }
  }

  handleProfile(content: Extract<EntryContent, { type: 'profile-changed' }>): void {
    const { type: _type, ...profile } = content
    if (this.#view) this.#view = { ...this.#view, ...(profile as Partial<ConversationView>) }
  }

  handleGroupChange(entry: Message): void {
    if (this.#view) this.#view = afterGroupChange(this.#view, entry, this.#userId) ?? this.#view
  }

  handleDraft(draft: Draft | undefined): void {
    if (!this.#view) return
    const { draft: _, ...view } = this.#view
    this.#view = { ...view, ...(draft && { draft }) }
  }

  handleHiddenVersion(hiddenVersion: number): void {
    if (this.#view) this.#view = { ...this.#view, hiddenVersion }
  }

  close(): void {
    this.dropListeners()
  }
}
