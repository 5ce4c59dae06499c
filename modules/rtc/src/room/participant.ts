import {
  newId,
  type Participant as ParticipantView,
  type ServerEvent,
  type SubscriptionReason,
} from '@parley/contracts'
import type { Session } from '@parley/core/gateway'
import type { TransportCloseReason } from '@parley/fastpath'
import type { PublishConnection } from '../connection/publish-connection.ts'
import type { ReceivingConnection } from '../connection/receiving-connection.ts'
import { ParticipantData } from '../data/participant-data.ts'
import type { MediaWorker } from '../sfu/media-worker.ts'
import type { Allocation } from './allocation.ts'
import type { Downlink } from './downlink.ts'
import { Placement } from './placement.ts'
import type { Publication } from './publication.ts'
import { type PublicationOffer, Publishing } from './publishing.ts'
import { Receiving } from './receiving.ts'
import type { Rights } from './rights.ts'
import type { Room } from './room.ts'
import type { Subscription, Wish } from './subscription.ts'
import { Turns } from './turns.ts'

export interface ParticipantOptions {
  room: Room
  userId: string
  name: string | undefined
  rights: Rights
  /** `member` comes by realtime, `whip` and `whep` by HTTP. */
  via: 'member' | 'whip' | 'whep'
  /** Carries its media. */
  worker: MediaWorker
  /** The client asked for data channels. */
  data?: boolean | undefined
}

/** Pauses in speech this long do not make somebody else more important. */
const speakingLastsMs = 5_000

/**
 * Somebody in a room: what it publishes, what it receives, and where its media is. Owns the three; its room makes and
 * ends it. The session it speaks through may be lost and another take its place.
 */
export class Participant {
  readonly id = newId('participant')
  readonly room: Room
  readonly userId: string
  readonly name: string | undefined
  readonly via: ParticipantOptions['via']
  readonly joinedAt = new Date()
  readonly data = new ParticipantData(this)
  rights: Rights
  session: Session | undefined
  /** Set by the room while no session is there. */
  leaveTimer: NodeJS.Timeout | undefined
  readonly #placement: Placement
  readonly #publishing: Publishing
  readonly #receiving: Receiving
  readonly #turns = new Turns()
  #spokeAtMs = Number.NEGATIVE_INFINITY
  #closed = false

  constructor(options: ParticipantOptions) {
    this.room = options.room
    this.userId = options.userId
    this.name = options.name
    this.rights = options.rights
    this.via = options.via
    this.#placement = new Placement(options.worker)
    this.#publishing = new Publishing(this, (reason) => this.handleConnectionClosed('publish', reason))
    this.#receiving = new Receiving(this, (reason) => this.handleConnectionClosed('receive', reason))
    if (options.data === true) this.data.want()
  }

  /** Carries its media; another one after that ended. */
  get worker(): MediaWorker {
    return this.#placement.worker
  }

  /** Its worker ended and it has no other one yet, or its client did not hear of it. */
  get moving(): boolean {
    return this.#placement.moving
  }

  /** Settles when there is a worker for it, or it has left for want of one. */
  get placed(): Promise<void> {
    return this.#placement.placed
  }

  get publications(): ReadonlyMap<string, Publication> {
    return this.#publishing.publications
  }

  get subscriptions(): ReadonlyMap<string, Subscription> {
    return this.#receiving.subscriptions
  }

  get allocation(): Allocation {
    return this.#receiving.allocation
  }

  get downlink(): Downlink {
    return this.#receiving.downlink
  }

  get publishing(): PublishConnection | undefined {
    return this.#publishing.connection
  }

  get receiving(): ReceivingConnection | undefined {
    return this.#receiving.connection
  }

  /** It speaks, or spoke a moment ago. */
  get speaking(): boolean {
    return performance.now() - this.#spokeAtMs < speakingLastsMs
  }

  handleSpeech(): void {
    this.#spokeAtMs = performance.now()
  }

  get hasMedia(): boolean {
    return this.publishing !== undefined || this.receiving !== undefined
  }

  view(): ParticipantView {
    return {
      id: this.id,
      userId: this.userId,
      ...(this.name !== undefined && { name: this.name }),
      joinedAt: this.joinedAt.toISOString(),
      publications: [...this.publications.values()].map((publication) => publication.view()),
    }
  }

  send(event: ServerEvent): void {
    this.session?.send(event)
  }

  /** Those of an offer that are not published yet. @throws AppError when one of them is not allowed */
  beginning(items: readonly PublicationOffer[]): PublicationOffer[] {
    return this.#publishing.beginning(items)
  }

  /**
   * Runs one after the other what must not overtake: offers, whose guards take their time.
   * @throws AppError `limit-exceeded` when too many wait
   */
  async inTurn<T>(run: () => Promise<T>): Promise<T> {
    return this.#turns.take(run)
  }

  /** Answers an offer of the publish connection. Publications that are not named end; nothing changes on error. */
  publish(sdp: string, items: readonly PublicationOffer[]) {
    return this.#publishing.publish(sdp, items)
  }

  /** Subscribes to a publication of somebody else, where the rights allow. */
  subscribe(publication: Publication): void {
    if (!this.rights.subscribe || this.via === 'whip' || this.#closed || this.moving) return
    // A player's connection comes with its offer.
    if (this.via === 'whep' && this.receiving === undefined) return
    if (publication.owner !== this) this.#receiving.subscribe(publication)
  }

  unsubscribe(publicationId: string): void {
    this.#receiving.unsubscribe(publicationId)
  }

  /** By publication; those the room does not have are passed over. */
  setWishes(wishes: ReadonlyMap<string, Wish>): void {
    this.#receiving.setWishes(new Map([...wishes].filter(([id]) => this.room.publications.has(id))))
  }

  /** Takes an answer of the subscribe connection. */
  answerSubscribe(version: number, sdp: string): void {
    if (!this.#receiving.answer(version, sdp)) this.renegotiate({ iceRestart: false })
  }

  /** A new offer: with fresh ICE credentials, (after a lost session) as it is, or of a connection anew. */
  renegotiate(options: { iceRestart: boolean; anew?: boolean }): void {
    if (!this.#receiving.renegotiate(options)) {
      for (const publication of this.room.publications.values()) this.subscribe(publication)
    }
    this.offerData()
  }

  /** Data channels go over the subscribe connection, with or without media, where the client asked for them. */
  offerData(): void {
    if (this.data.wanted && this.via === 'member' && !this.#closed) this.#receiving.offerData()
  }

  /** Plays over a connection that the client offered, as WHEP does. */
  receiveOver(connection: ReceivingConnection): void {
    this.#receiving.over(connection)
  }

  /** What receivers report of the sound they get, where no video is measured. */
  handleReportedLoss(report: { loss: number; jitterMs: number }): void {
    this.#receiving.handleReportedLoss(report)
  }

  tellSubscription(publicationId: string, state: { active: boolean; reason: SubscriptionReason }): void {
    this.send({ type: 'rtc.subscription-changed', roomId: this.room.id, publicationId, ...state })
  }

  handleTrack(publicationId: string, negotiated: Parameters<Subscription['negotiated']>[0]): void {
    this.subscriptions.get(publicationId)?.negotiated(negotiated)
  }

  /** A connection ended by itself. A closed one can be made anew by the client; a lost one means that the path is gone. */
  handleConnectionClosed(which: 'publish' | 'receive', reason: TransportCloseReason): void {
    // The room moves it when its worker ended.
    if (this.#closed || reason === 'closed' || reason === 'worker-closed') return
    if (which === 'publish') this.#publishing.end()
    else this.#receiving.end()
    this.room.connectionLost(this, reason)
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    clearTimeout(this.leaveTimer)
    this.#publishing.close()
    this.#receiving.end()
    this.#placement.close()
  }

  /** Its worker ended: what it published waits for a new connection, and what it got begins again on one. */
  strand(): void {
    this.#placement.lose()
    this.#publishing.strand()
    this.#receiving.end()
  }

  /** Goes on at another worker. Its client hears it at once, or when it is there again. */
  move(worker: MediaWorker): void {
    this.#placement.take(worker)
    this.#publishing.wait()
    this.tellMoved()
    this.#placement.tellPlaced()
  }

  /** Tells a client that has not heard of its move, which answers with an offer from a new connection. */
  tellMoved(): void {
    if (!this.moving || this.session === undefined || !this.worker.running) return
    this.#placement.settle()
    this.send({ type: 'rtc.moved', roomId: this.room.id })
    this.renegotiate({ iceRestart: false })
  }
}
