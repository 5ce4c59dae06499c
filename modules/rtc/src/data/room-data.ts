import {
  AppError,
  type ErrorCode,
  type RoomDataEvent,
  type RoomDataFormat,
  type RoomDataReceivers,
  roomDataLimits,
  roomDataSend,
} from '@parley/contracts'
import { parseRoomData, serializeRoomData } from '@parley/protocols/room-data'
import { ProtocolViolation } from '@parley/protocols/violation'
import type { Participant } from '../room/participant.ts'
import { rightsOf } from '../room/rights.ts'
import type { Room } from '../room/room.ts'
import type { MediaWorker } from '../sfu/media-worker.ts'
import { TokenBucket } from '../sfu/token-bucket.ts'
import { ParticipantData } from './participant-data.ts'

export interface OutgoingRoomData {
  readonly format: RoomDataFormat
  readonly payload: Uint8Array
  readonly reliable: boolean
  readonly topic?: string | undefined
  readonly to?: RoomDataReceivers | undefined
  /** The same for each attempt to send this message. */
  readonly callKey?: string | undefined
}

/** A message counts as so many as it has pieces of this size. */
const unitBytes = 1_024
/** Attempts follow each other within seconds; the oldest are forgotten first. */
const rememberedCalls = 1_000
/** Deliveries of one worker, whatever the rooms. */
const budgets = new WeakMap<MediaWorker, TokenBucket>()

/**
 * Messages between the participants of one room. The server says who sent what, whatever the sender claims; rights are those
 * of the sender's present token. Participants without data channels are passed over.
 */
export class RoomData {
  readonly #room: Room
  /** How many got what was sent under a call key. */
  readonly #sent = new Map<string, number>()

  constructor(room: Room) {
    this.#room = room
  }

  /** A message of a participant. Answers it on its channel: reliable ones always, lossy ones when refused. */
  handleMessage(sender: Participant, { reliable, frame }: { reliable: boolean; frame: Uint8Array }): void {
    let id = 0
    try {
      const { header, payload } = parseRoomData(frame)
      if (typeof header.id === 'number') id = header.id
      const send = roomDataSend.safeParse(header)
      if (!send.success) throw new AppError('invalid-request', 'The header of the message does not fit')
      requireRight(sender)
      const { format, topic, to } = send.data
      if (format === 'json') requireJson(payload)
      const from = { participantId: sender.id, userId: sender.userId }
      const receivers = this.#send({ format, payload, reliable, topic, to }, from)
      if (reliable) answer(sender, { type: 'accepted', id: send.data.id, receivers })
    } catch (error) {
      answer(sender, { type: 'refused', id, ...refusal(error) })
    }
  }

  /**
   * A message of the application's server. Answers how many get it; another attempt at the same call sends nothing.
   * @throws AppError `limit-exceeded` for one that is too large, by itself or for so many, `rate-limited` when the worker has too much to deliver
   */
  send(message: OutgoingRoomData): number {
    const { callKey } = message
    const before = callKey === undefined ? undefined : this.#sent.get(callKey)
    if (before !== undefined) return before
    const receivers = this.#send(message, undefined)
    if (callKey !== undefined) this.#remember(callKey, receivers)
    return receivers
  }

  #remember(callKey: string, receivers: number): void {
    this.#sent.set(callKey, receivers)
    const [oldest] = this.#sent.keys()
    if (this.#sent.size > rememberedCalls && oldest !== undefined) this.#sent.delete(oldest)
  }

  #send(
    { format, payload, reliable, topic, to }: OutgoingRoomData,
    from: { participantId: string; userId: string } | undefined,
  ): number {
    const most = reliable ? roomDataLimits.reliable : roomDataLimits.lossy
    if (payload.length > most) {
      throw new AppError(
        'limit-exceeded',
        `A ${reliable ? 'reliable' : 'lossy'} message has at most ${most} bytes`,
      )
    }
    const receivers = this.#receivers(to, from?.participantId)
    if (receivers.length === 0) return 0
    this.#spend(receivers, 1 + Math.floor(payload.length / unitBytes))
    const event: RoomDataEvent = {
      ...{ type: 'message', format },
      ...(topic !== undefined && { topic }),
      ...(from && { from }),
    }
    ParticipantData.sendTo(receivers, reliable, serializeRoomData(event, payload))
    return receivers.length
  }

  /** Everybody but the sender; or those named, the sender's own id among them if it names it. */
  #receivers(to: RoomDataReceivers | undefined, sender: string | undefined): Participant[] {
    const everybody = [...this.#room.participants.values()].filter(({ data }) => data.receives)
    if (to === undefined) return everybody.filter(({ id }) => id !== sender)
    const participantIds = new Set(to.participantIds)
    const userIds = new Set(to.userIds)
    return everybody.filter(
      ({ id, userId }) => participantIds.has(id) || (id !== sender && userIds.has(userId)),
    )
  }

  /** One message to thousands is work for the worker; a second's worth may be done at once. */
  #spend(receivers: readonly Participant[], units: number): void {
    const perSecond = this.#room.limits.dataDeliveriesPerSecond
    const byWorker = new Map<MediaWorker, number>()
    for (const { worker } of receivers) byWorker.set(worker, (byWorker.get(worker) ?? 0) + units)
    if (Math.max(...byWorker.values()) > perSecond) {
      throw new AppError('limit-exceeded', 'The message is too large for so many receivers')
    }
    const nowMs = performance.now()
    for (const [worker, all] of byWorker) {
      const budget = budgets.get(worker) ?? new TokenBucket(perSecond, perSecond, nowMs)
      budgets.set(worker, budget)
      if (budget.take(all, nowMs)) continue
      throw new AppError('rate-limited', 'The rooms of this server send more than it delivers', {
        retryAfterMs: 1_000,
      })
    }
  }
}

/** By the token of this moment: one that was renewed without the right takes it at once. */
function requireRight(sender: Participant): void {
  const { session, room, rights } = sender
  const present = session === undefined ? rights : rightsOf(session.grants, room.id)
  if (!present.data) throw new AppError('grant-missing', 'The token holds no grant rtc.data')
}

/** Receivers read it without looking. */
function requireJson(payload: Uint8Array): void {
  try {
    JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload))
  } catch (cause) {
    throw new AppError('invalid-request', 'The message is not the JSON it claims to be', { cause })
  }
}

function answer(sender: Participant, event: RoomDataEvent): void {
  ParticipantData.sendTo([sender], true, serializeRoomData(event))
}

function refusal(error: unknown): { code: ErrorCode; detail: string; retryAfterMs?: number } {
  if (error instanceof ProtocolViolation) return { code: 'invalid-request', detail: error.message }
  if (!(error instanceof AppError)) throw error
  const { code, message, retryAfterMs } = error
  return { code, detail: message, ...(retryAfterMs !== undefined && { retryAfterMs }) }
}
