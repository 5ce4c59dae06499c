import { AppError } from '@parley/contracts'
import type { TransportCloseReason } from '@parley/fastpath'
import { readSdp } from '../connection/publish-connection.ts'
import type { ReceivingConnection } from '../connection/receiving-connection.ts'
import { SubscribeConnection } from '../connection/subscribe-connection.ts'
import type { PathFacts } from '../sfu/messages.ts'
import { Allocation } from './allocation.ts'
import { Downlink } from './downlink.ts'
import type { Participant } from './participant.ts'
import { PathRepair } from './path-repair.ts'
import type { Publication } from './publication.ts'
import { defaultWish, Subscription, type Wish } from './subscription.ts'

/** What a participant gets of others, the connection that brings it, and what is known of its path. Owns all of it. */
export class Receiving {
  readonly subscriptions = new Map<string, Subscription>()
  /** Judges a path that is not measured. */
  readonly downlink = new Downlink(() => this.subscriptions.values())
  readonly allocation = new Allocation({
    subscriptions: () => this.subscriptions.values(),
    setWanted: (bitrate) => {
      const transport = this.#connection?.server.transport
      if (transport !== undefined) this.#subscriber.worker.setWanted(transport, bitrate)
    },
    now: () => performance.now(),
  })
  readonly #subscriber: Participant
  readonly #onClosed: (reason: TransportCloseReason) => void
  readonly #wishes = new Map<string, Wish>()
  readonly #repair = new PathRepair({
    allocation: this.allocation,
    transport: () => this.#connection?.server.transport,
    subscriptions: () => this.subscriptions.values(),
  })
  #connection: ReceivingConnection | undefined
  #lastVersion = 0

  /** `onClosed`: the connection ended by itself. */
  constructor(subscriber: Participant, onClosed: (reason: TransportCloseReason) => void) {
    this.#subscriber = subscriber
    this.#onClosed = onClosed
  }

  get connection(): ReceivingConnection | undefined {
    return this.#connection
  }

  subscribe(publication: Publication): void {
    if (this.subscriptions.has(publication.id)) return
    const wish = this.#wishes.get(publication.id) ?? defaultWish
    this.subscriptions.set(publication.id, new Subscription(this.#subscriber, publication, wish))
    const { id: publicationId, kind, owner, section, source } = publication
    const screen = source === 'screen' || source === 'screen-audio'
    this.#ensureConnection().add({
      ...{ publicationId, kind, participantId: owner.id, codecs: section.codecs },
      mediaStream: screen ? `${owner.id}-screen` : owner.id,
    })
  }

  unsubscribe(publicationId: string): void {
    this.subscriptions.get(publicationId)?.close()
    this.subscriptions.delete(publicationId)
    this.#wishes.delete(publicationId)
    this.#connection?.remove(publicationId)
  }

  /** All at once: one that is let go makes room for one that is taken up. */
  setWishes(wishes: ReadonlyMap<string, Wish>): void {
    const changed: Subscription[] = []
    for (const [publicationId, wish] of wishes) {
      this.#wishes.set(publicationId, wish)
      const subscription = this.subscriptions.get(publicationId)
      if (subscription === undefined) continue
      subscription.takeWish(wish)
      changed.push(subscription)
    }
    for (const subscription of changed) subscription.update()
  }

  /** Takes an answer. Answers whether it is of the present connection: one that is not ends that. */
  answer(version: number, sdp: string): boolean {
    const connection = this.#connection
    if (!(connection instanceof SubscribeConnection)) {
      throw new AppError('conflict', 'No offer waits for an answer')
    }
    connection.requireInFlight(version)
    const answer = readSdp(sdp)
    const known = connection.server.isOf(answer)
    if (known) connection.handleAnswer(version, answer)
    else this.end()
    return known
  }

  /** A new offer: with fresh ICE credentials, or as it is. Answers false without a connection, as there is none `anew`. */
  renegotiate({ iceRestart, anew = false }: { iceRestart: boolean; anew?: boolean }): boolean {
    if (anew) this.end()
    const connection = this.#connection
    if (connection instanceof SubscribeConnection) {
      if (iceRestart) connection.restart()
      else connection.resend()
    }
    return connection !== undefined
  }

  offerData(): void {
    const connection = this.#ensureConnection()
    if (connection instanceof SubscribeConnection) connection.addData()
  }

  /** Receives over this connection from now on. */
  over(connection: ReceivingConnection): void {
    this.#connection = connection
    this.#subscriber.worker.watchPath(connection.server.transport, (facts) => {
      if (this.#connection === connection) this.#handlePath(facts)
    })
  }

  handleReportedLoss(report: { loss: number; jitterMs: number }): void {
    if (!this.#subscriber.room.limits.repair || this.allocation.facts !== undefined) return
    this.#repair.handleReport(report, performance.now())
  }

  /** Ends all subscriptions and the connection; another one may come. */
  end(): void {
    for (const subscription of this.subscriptions.values()) subscription.close()
    this.subscriptions.clear()
    const connection = this.#connection
    if (connection instanceof SubscribeConnection) this.#lastVersion = connection.version
    this.#connection = undefined
    this.#subscriber.data.handleConnectionGone()
    this.allocation.reset()
    this.#repair.reset()
    connection?.close()
  }

  #handlePath(facts: PathFacts): void {
    this.allocation.handleFacts(facts)
    if (this.#subscriber.room.limits.repair) this.#repair.handleFacts(facts, performance.now())
  }

  #ensureConnection(): ReceivingConnection {
    if (this.#connection) return this.#connection
    const { worker, room, data } = this.#subscriber
    const { announced, limits, id: roomId } = room
    const connection = new SubscribeConnection({
      ...{ worker, announced, measured: limits.congestion, protects: limits.fec && limits.repair },
      lastVersion: this.#lastVersion,
      onOffer: (offer) => this.#subscriber.send({ type: 'rtc.subscribe-offer', roomId, ...offer }),
      onTrack: (publicationId, negotiated) => this.#subscriber.handleTrack(publicationId, negotiated),
      onData: (agreed) => data.handleAgreed(connection, agreed),
      onClosed: this.#onClosed,
    })
    this.over(connection)
    return connection
  }
}
