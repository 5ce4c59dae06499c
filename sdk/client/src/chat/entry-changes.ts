import type { ClientFrameType, FrameAnswers, Message } from '@parley/contracts'
import type { Request } from '../connection/connection.ts'
import { Emitter } from '../emitter.ts'
import type { ChatCache } from './chat-cache.ts'
import { isLiving } from './chat-message.ts'
import type { EntryWindow } from './entry-window.ts'
import type { GrowingTexts } from './growing-texts.ts'
import type { LiveView } from './live-view.ts'
import { changed, emptied, type MessageChange, withReaction, withReply } from './message-change.ts'

/** Operations that answer the message as it stands then. */
export type MessageOperation = {
  [T in ClientFrameType]: FrameAnswers[T] extends Message ? T : never
}[ClientFrameType]

export interface EntryChangesEvents {
  updated: Message
  recalled: Message
  /** A message in memory stands otherwise now. */
  replaced: Message
}

export interface EntryChangesPorts {
  conversationId: string
  userId: string
  window: EntryWindow
  view: LiveView
  cache: ChatCache
  growing: GrowingTexts
  request: Request
}

/** What changes messages that were told before: in memory, in the cache, and in what the view shows of them. */
export class EntryChanges extends Emitter<EntryChangesEvents> {
  readonly #ports: EntryChangesPorts

  constructor(ports: EntryChangesPorts) {
    super()
    this.#ports = ports
  }

  /** An edit, recall or annotation in the log changes an earlier entry. `message`: as the server sees it now. */
  handleChange(entry: Message, change: MessageChange, message: Message | undefined): void {
    const { window, view, cache, conversationId } = this.#ports
    const { targetSeq } = change
    const apply = (target: Message) =>
      target.content.type === 'hidden' ? target : (message ?? changed(target, entry, change))
    const target = window.at(targetSeq)
    const gone = change.type === 'recall' || change.type === 'expire'
    if (gone && target?.threadRootId && isLiving(target)) this.countReply(target, -1)
    if (gone) view.handleGone(targetSeq, target)
    if (target) this.replace(apply(target))
    else cache.updateEntry(conversationId, targetSeq, apply).catch(() => undefined)
    const last = view.current?.lastMessage
    if (last?.seq === targetSeq) view.handleMessage(apply(last))
    const now = window.at(targetSeq) ?? message
    if (now) this.emit(change.type === 'recall' ? 'recalled' : 'updated', now)
  }

  /** Takes a message as it stands now; what the user deleted stays deleted. */
  replace(message: Message): void {
    const { window, view, growing } = this.#ports
    if (window.at(message.seq)?.content.type === 'hidden') return
    growing.see(message)
    if (!window.replace(message)) return
    view.handleMessage(message)
    this.emit('replaced', message)
  }

  /** A reply came into a thread, or went. */
  countReply(reply: Message, by: 1 | -1): void {
    const root = this.#ports.window.find(reply.threadRootId)
    if (root) this.replace(withReply(root, reply.seq, by))
  }

  /** The user deleted these for themselves. */
  hide(seqs: readonly number[]): void {
    const { window, cache, conversationId } = this.#ports
    const hide = (message: Message) => emptied(message, 'hidden')
    for (const seq of seqs) {
      const message = window.at(seq)
      if (message) this.replace(hide(message))
      else cache.updateEntry(conversationId, seq, hide).catch(() => undefined)
    }
  }

  /** Asks what was deleted on another device while this one was away; a failure is made up for with the next view. */
  async askHidden(afterVersion: number): Promise<void> {
    const { request, view, conversationId } = this.#ports
    try {
      for (let after = afterVersion, more = true; more; ) {
        const page = await request(
          'conversation.hidden',
          { conversationId, afterVersion: after },
          { resend: true },
        )
        this.hide(page.seqs)
        after = page.hiddenVersion
        more = page.more
      }
    } catch {
      view.handleHiddenVersion(afterVersion)
    }
  }

  /** Shows a reaction at once, and takes it back when the server refuses. */
  async toggle(
    type: 'message.react' | 'message.unreact',
    messageId: string,
    emoji: string,
  ): Promise<Message> {
    const { request, window, userId } = this.#ports
    const before = window.find(messageId)
    if (before) this.replace(withReaction(before, emoji, userId, type === 'message.react'))
    try {
      const message = await request(type, { messageId, emoji }, { resend: true })
      this.replace(message)
      return message
    } catch (error) {
      if (before) this.replace(before)
      throw error
    }
  }

  close(): void {
    this.dropListeners()
  }
}
