import type { ClientFrameBody, ClientFrameType, FrameAnswers } from '@parley/contracts'
import { Backoff } from '../connection/backoff.ts'
import type { Request } from '../connection/connection.ts'
import { Pause } from '../connection/pause.ts'
import { asParleyError, ParleyError } from '../parley-error.ts'
import { PlaceQueue } from './place-queue.ts'
import type { RtcEvent } from './rtc.ts'

export type InRoom<T extends ClientFrameType> = Omit<ClientFrameBody<T>, 'roomId'>

export interface RoomPlaceOptions {
  roomId: string
  /** Of each join, beside the participant whose place is taken up again. */
  join: () => Omit<InRoom<'rtc.join'>, 'participantId'>
  request: Request
  isConnected: () => boolean
  /** The place has to be taken up again, and that begins now. */
  onLost: () => void
  /** Before anything else of the place is told. Fresh: nothing of an earlier one holds any more. */
  onTaken: (answer: FrameAnswers['rtc.join'], fresh: boolean) => void
  onEvent: (event: RtcEvent) => void
  /** Events have caught up: what this client publishes is told now. A join waits for it. */
  onCaughtUp: (answer: FrameAnswers['rtc.join'], fresh: boolean) => Promise<void>
  /** No further try makes sense. */
  onFailed: (error: ParleyError) => void
}

const leaveTimeoutMs = 2_000

/**
 * The place of this client in a room: taken by `rtc.join`, taken up again after a lost socket, taken anew when it is
 * gone. What is asked of the server goes through here, as without a place there is nobody to answer. It owns its timer
 * and those who wait.
 */
export class RoomPlace {
  readonly #options: RoomPlaceOptions
  readonly #backoff = new Backoff({ baseMs: 500, maxMs: 8_000 })
  readonly #waiting = new PlaceQueue()
  #participantId: string | undefined
  #taken = false
  #wantsFresh = false
  #attempt = 0
  #early: RtcEvent[] = []
  readonly #pause = new Pause()
  /** Counts fresh places: what was meant for an earlier one must not reach a later one. */
  #number = 0
  #closed = false

  constructor(options: RoomPlaceOptions) {
    this.#options = options
  }

  /** The first join: rejects with the server's error, or as `closed` says when it was closed meanwhile. */
  async enter(closed: () => ParleyError): Promise<void> {
    const answer = await this.#request('rtc.join', this.#joinBody())
    if (this.#closed) throw closed()
    await this.#take(answer, true)
  }

  /** What comes before the answer to a join belongs to the place it will describe. */
  handleEvent(event: RtcEvent): void {
    if (!this.#taken) this.#early.push(event)
    else this.#options.onEvent(event)
  }

  handleDisconnected(): void {
    this.#taken = false
    this.#early = []
  }

  /** All is well: the next loss is met without waiting. */
  handleSteady(): void {
    this.#backoff.reset()
  }

  /** Takes the place up again, or a fresh one, until it works or makes no sense any more. */
  async comeBack(wantsFresh: boolean): Promise<void> {
    if (this.#closed) return
    const attempt = ++this.#attempt
    const isCurrent = () => attempt === this.#attempt && !this.#closed
    this.#pause.end()
    this.#taken = false
    this.#early = []
    this.#wantsFresh ||= wantsFresh
    this.#options.onLost()
    if (this.#wantsFresh) await this.#pause.wait(this.#backoff.nextMs())
    while (isCurrent()) {
      try {
        if (this.#wantsFresh) await this.#request('rtc.leave', {}).catch(() => undefined)
        const answer = await this.#request('rtc.join', this.#joinBody())
        if (!isCurrent()) return
        const fresh = this.#wantsFresh || !answer.resumed
        this.#wantsFresh = false
        await this.#take(answer, fresh)
        return
      } catch (cause) {
        if (!isCurrent()) return
        const error = asParleyError(cause, 'media-unsupported')
        // The next connection begins again.
        if (!this.#options.isConnected()) return
        if (error.code === 'participant-not-found') this.#wantsFresh = true
        else if (!error.retryable) {
          this.#options.onFailed(error)
          return
        }
        await this.#pause.wait(this.#backoff.nextMs(error.retryAfterMs))
      }
    }
  }

  /** For what is told again after a join by itself: without a place it fails at once. */
  async tell<T extends ClientFrameType>(type: T, body: InRoom<T>): Promise<FrameAnswers[T]> {
    if (!this.#taken) throw new ParleyError('connection-lost', 'The room is joined anew', { retryable: true })
    return this.#request(type, body)
  }

  /** For what the application wants now: waits while the place is being taken up again. */
  async ask<T extends ClientFrameType>(type: T, body: InRoom<T>): Promise<FrameAnswers[T]> {
    const number = this.#number
    if (!this.#taken) await this.#waiting.next()
    if (number !== this.#number) {
      throw new ParleyError('connection-lost', 'The place in the room was lost', { retryable: true })
    }
    return this.#request(type, body)
  }

  /** Gives the place up; resolves once the server knows, or cannot be told: then it notices by itself. */
  async leave(): Promise<void> {
    if (!this.#options.isConnected()) return
    await this.#request('rtc.leave', {}, leaveTimeoutMs).catch(() => undefined)
  }

  /** Who waits for a place is rejected with `error`. */
  close(error: ParleyError): void {
    this.#closed = true
    this.#attempt++
    this.#pause.end()
    this.#waiting.close(error)
  }

  async #take(answer: FrameAnswers['rtc.join'], fresh: boolean): Promise<void> {
    this.#participantId = answer.participantId
    this.#options.onTaken(answer, fresh)
    this.#taken = true
    for (const event of this.#early.splice(0)) this.#options.onEvent(event)
    if (fresh) this.#number++
    const caughtUp = this.#options.onCaughtUp(answer, fresh)
    this.#waiting.settle()
    await caughtUp
  }

  #joinBody(): InRoom<'rtc.join'> {
    const keepsPlace = this.#participantId !== undefined && !this.#wantsFresh
    return { ...this.#options.join(), ...(keepsPlace && { participantId: this.#participantId }) }
  }

  #request<T extends ClientFrameType>(
    type: T,
    body: InRoom<T>,
    timeoutMs?: number,
  ): Promise<FrameAnswers[T]> {
    const frame = { ...body, roomId: this.#options.roomId } as unknown as ClientFrameBody<T>
    return this.#options.request(type, frame, timeoutMs === undefined ? {} : { timeoutMs })
  }
}
