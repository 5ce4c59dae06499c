import { AppError, type ChatRoomPriority } from '@parley/contracts'
import { TokenBuckets } from '@parley/core/limits'
import type { ChatSettings } from '../config.ts'
import { keyOf } from '../message/log.ts'
import { holds, leads, type RoomView } from './room-views.ts'

const mostSpeakers = 200_000
const mostRooms = 50_000

/** Throws `banned` or `forbidden` unless the user may be in the room. */
export function requireEntry({ row, banned, allowed }: RoomView, userId: string): void {
  if (holds(banned, userId)) throw new AppError('banned', 'The user is banned from this chat room')
  if (row.join_by_allowed && !leads(row, userId) && !holds(allowed, userId))
    throw new AppError('forbidden', 'This chat room is open to allowed users only')
}

type VoiceSettings = Pick<ChatSettings, 'roomMessagesPerUser' | 'roomGiftsPerSecond'>

/** Judges who may speak in chat rooms now. Rates and slow mode are kept by each process for its own speakers. */
export class RoomVoice {
  readonly #buckets: TokenBuckets
  readonly #gifts: TokenBuckets
  readonly #spokeAt = new Map<string, number>()

  constructor({ roomMessagesPerUser, roomGiftsPerSecond }: VoiceSettings) {
    const buckets = (perSecond: number, maxKeys: number) =>
      new TokenBuckets({ capacity: perSecond * 2, refillPerSecond: perSecond, maxKeys })
    this.#buckets = buckets(roomMessagesPerUser, mostSpeakers)
    this.#gifts = buckets(roomGiftsPerSecond, mostRooms)
  }

  /** Throws `forbidden`, `muted` or `rate-limited`. Owner, admins and the customer's server always may. */
  require(view: RoomView, userId: string | undefined, priority: ChatRoomPriority): void {
    if (userId === undefined || leads(view.row, userId)) return
    if (priority === 'high') throw new AppError('forbidden', 'Only owner and admins send with high priority')
    this.#requireSlow(this.#requireVoice(view, userId), view.row.slow_mode_ms)
  }

  /** The same for gifts, which slow mode does not hold up. What a room carries of them is bounded for everybody. */
  requireGift(view: RoomView, userId: string | undefined): void {
    const { row } = view
    if (userId !== undefined && !leads(row, userId)) this.#requireVoice(view, userId)
    const taken = this.#gifts.take(keyOf(row.project_id, row.id))
    if (!taken.ok)
      throw new AppError('rate-limited', 'Too many gifts at once', { retryAfterMs: taken.retryAfterMs })
  }

  /** Answers the key of the speaker. */
  #requireVoice({ row, muted, allowed }: RoomView, userId: string): string {
    if (holds(muted, userId)) throw new AppError('muted', 'The user is muted in this chat room')
    if (row.muted_all && !holds(allowed, userId))
      throw new AppError('muted', 'Only owner, admins and allowed users may speak in this chat room now')
    const speaker = `${keyOf(row.project_id, row.id)}/${userId}`
    const taken = this.#buckets.take(speaker)
    if (!taken.ok)
      throw new AppError('rate-limited', 'Too many messages', { retryAfterMs: taken.retryAfterMs })
    return speaker
  }

  #requireSlow(speaker: string, slowModeMs: number): void {
    if (slowModeMs === 0) return
    const nowMs = Date.now()
    const waitMs = (this.#spokeAt.get(speaker) ?? Number.NEGATIVE_INFINITY) + slowModeMs - nowMs
    if (waitMs > 0) throw new AppError('rate-limited', 'Slow mode is on', { retryAfterMs: waitMs })
    this.#spokeAt.delete(speaker)
    this.#spokeAt.set(speaker, nowMs)
    if (this.#spokeAt.size > mostSpeakers)
      for (const oldest of [...this.#spokeAt.keys()].slice(0, 1_000)) this.#spokeAt.delete(oldest)
  }
}
