import {
  AppError,
  newId,
  type Participant as ParticipantView,
  type PublicationSource,
  type ServerEvent,
  type SubscriptionReason,
} from '@parley/contracts'
import type { Session } from '@parley/core/gateway'
import type { TransportCloseReason } from '@parley/fastpath'
import { PublishConnection, readSdp } from '../connection/publish-connection.ts'
import type { ReceivingConnection } from '../connection/receiving-connection.ts'
import { SubscribeConnection } from '../connection/subscribe-connection.ts'
import { ParticipantData } from '../data/participant-data.ts'
import type { MediaWorker } from '../sfu/media-worker.ts'
import type { PathFacts } from '../sfu/messages.ts'
import { Allocation, repairShare } from './allocation.ts'
import { Downlink } from './downlink.ts'
import type { FecFacts } from './fec-share.ts'
import { Publication } from './publication.ts'
import { type PathLoss, ReportedLoss, SteadyLoss } from './repair.ts'
import { type Rights, requireSource } from './rights.ts'
import type { Room } from './room.ts'
import { Stranded } from './stranded.ts'
import { defaultWish, Subscription, type Wish } from './subscription.ts'

export interface PublicationOffer {
  mid: string
  kind: 'audio' | 'video'
  source: PublicationSource
  name?: string | undefined
  muted: boolean
  /** It goes on with a publication whose media worker ended. */
  publicationId?: string | undefined
}

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

const kindOfSource: Readonly<Partial<Record<PublicationSource, 'audio' | 'video'>>> = {
  camera: 'video',
  screen: 'video',
  microphone: 'audio',
  'screen-audio': 'audio',
}

/** Bits a second for repairs where nothing tells what the path carries. */
const unmeasuredRepair = 400_000
/** Of a measured path, whatever it loses: single losses are to be repaired at once. */
const leastRepairBudget = 0.25
const repairEveryMs = 500
/** Pauses in speech this long do not make somebody else more important. */
const speakingLastsMs = 5_000
/** Offers of one participant that wait for the one before. */
const maxTurns = 8

/**
 * Somebody in a room. Owns the two connections, the publications and the subscriptions; its room makes and ends it.
 * The session it speaks through may be lost and another take its place.
 */
export class Participant {
  readonly id = newId('participant')
  readonly room: Room
  readonly userId: string
  readonly name: string | undefined
  readonly via: ParticipantOptions['via']
  readonly joinedAt = new Date()
  readonly publications = new Map<string, Publication>()
  readonly subscriptions = new Map<string, Subscription>()
  readonly data = new ParticipantData(this)
  /** Judges a path that is not measured. */
  readonly downlink = new Downlink(() => this.subscriptions.values())
  readonly allocation = new Allocation({
    subscriptions: () => this.subscriptions.values(),
    setWanted: (bitrate) => {
      const transport = this.#receiving?.server.transport
      if (transport !== undefined) this.worker.setWanted(transport, bitrate)
    },
    now: () => performance.now(),
  })
  rights: Rights
  session: Session | undefined
  /** Set by the room while no session is there. */
  leaveTimer: NodeJS.Timeout | undefined
  readonly #wishes = new Map<string, Wish>()
  #worker: MediaWorker
  #giveBack: () => void
  #moving = false
  #placed: Promise<void> = Promise.resolve()
  #tellPlaced: () => void = () => undefined
  readonly #stranded = new Stranded({
    publications: this.publications,
    giveUp: (publication) => this.#unpublish(publication),
  })
  #publishing: PublishConnection | undefined
  #receiving: ReceivingConnection | undefined
  readonly #reportedLoss = new ReportedLoss()
  #steadyLoss = new SteadyLoss()
  #repairedAtMs = Number.NEGATIVE_INFINITY
  #lastVersion = 0
  #spokeAtMs = Number.NEGATIVE_INFINITY
  #lastTurn: Promise<unknown> = Promise.resolve()
  #turns = 0
  #closed = false

  constructor(options: ParticipantOptions) {
    this.room = options.room
    this.userId = options.userId
    this.name = options.name
    this.rights = options.rights
    this.via = options.via
    this.#worker = options.worker
    this.#giveBack = options.worker.reserve()
    if (options.data === true) this.data.want()
  }

  /** Carries its media; another one after that ended. */
  get worker(): MediaWorker {
    return this.#worker
  }

  /** Its worker ended and it has no other one yet, or its client did not hear of it. */
  get moving(): boolean {
    return this.#moving
  }

  /** Settles when there is a worker for it, or it has left for want of one. */
  get placed(): Promise<void> {
    return this.#placed
  }

  get receiving(): ReceivingConnection | undefined {
    return this.#receiving
  }

  get publishing(): PublishConnection | undefined {
    return this.#publishing
  }

  /** It speaks, or spoke a moment ago. */
  get speaking(): boolean {
    return performance.now() - this.#spokeAtMs < speakingLastsMs
  }

  handleSpeech(): void {
    this.#spokeAtMs = performance.now()
  }

  get hasMedia(): boolean {
    return this.#publishing !== undefined || this.#receiving !== undefined
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
    this.#checkItems(items)
    const present = this.#present()
    const continued = new Set<Publication>()
    return items.filter((item) => {
      const { mid, source, kind } = item
      const stranded = present.has(mid) ? undefined : this.#stranded.find(item)
      // One goes on once: whoever else names it begins.
      const known = present.get(mid) ?? (stranded && !continued.has(stranded) ? stranded : undefined)
      if (stranded !== undefined) continued.add(stranded)
      return known?.source !== source || known.kind !== kind
    })
  }

  /**
   * Runs one after the other what must not overtake: offers, whose guards take their time.
   * @throws AppError `limit-exceeded` when too many wait
   */
  async inTurn<T>(run: () => Promise<T>): Promise<T> {
    if (this.#turns >= maxTurns) throw new AppError('limit-exceeded', 'Earlier offers wait for their answers')
    this.#turns += 1
    const mine = this.#lastTurn.then(run, run)
    this.#lastTurn = mine.catch(() => undefined)
    try {
      return await mine
    } finally {
      this.#turns -= 1
    }
  }

  /** Answers an offer of the publish connection. Publications that are not named end; nothing changes on error. */
  publish(sdp: string, items: readonly PublicationOffer[]) {
    const beginning = this.beginning(items)
    const offer = readSdp(sdp)
    if (!this.worker.running) throw new AppError('unavailable', 'The media worker ended just now')
    if (this.#publishing === undefined) this.#stranded.requireNewConnection(offer)
    const present = this.#present()
    const renewed = new Set(beginning.map(({ mid }) => mid).filter((mid) => present.has(mid)))
    // A client that came back without its old connection offers from a new one.
    if (this.#publishing?.server.isOf(offer) === false) {
      this.#replacePublishing(items)
      present.clear()
    }
    const fresh = this.#publishing === undefined
    const connection = this.#publishing ?? this.#openPublishing()
    const wanted = new Map(items.map(({ mid, kind }) => [mid, kind]))
    let answer: ReturnType<PublishConnection['answer']>
    try {
      answer = connection.answer(offer, wanted, renewed)
    } catch (error) {
      if (fresh) {
        connection.close()
        this.#publishing = undefined
      }
      throw error
    }
    const publications = items.map((item) => {
      const section = answer.sections.get(item.mid)
      if (section === undefined) throw new Error('a wanted section was not answered')
      const known = present.get(item.mid)
      const stranded = known === undefined ? this.#stranded.find(item) : undefined
      if (stranded?.fits(section)) {
        stranded.resume(section)
        if (stranded.setMuted(item.muted)) this.room.announceChange(stranded)
        return { mid: item.mid, id: stranded.id }
      }
      if (stranded !== undefined) this.#unpublish(stranded)
      if (known?.section.track === section.track) {
        if (known.setMuted(item.muted)) this.room.announceChange(known)
        return { mid: item.mid, id: known.id }
      }
      if (known !== undefined) this.#unpublish(known)
      const { source, name, muted } = item
      const id = newId('publication')
      const publication = new Publication({ id, owner: this, source, name, muted, section })
      this.publications.set(id, publication)
      this.room.publicationAdded(publication)
      return { mid: item.mid, id }
    })
    for (const [mid, known] of present) if (!wanted.has(mid)) this.#unpublish(known)
    return { sdp: answer.sdp, publications }
  }

  /** Subscribes to a publication of somebody else, where the rights allow. */
  subscribe(publication: Publication): void {
    if (!this.rights.subscribe || this.via === 'whip' || this.#closed || this.#moving) return
    // A player's connection comes with its offer.
    if (this.via === 'whep' && this.#receiving === undefined) return
    if (publication.owner === this || this.subscriptions.has(publication.id)) return
    const wish = this.#wishes.get(publication.id) ?? defaultWish
    this.subscriptions.set(publication.id, new Subscription(this, publication, wish))
    const { id: publicationId, kind, owner, section, source } = publication
    const screen = source === 'screen' || source === 'screen-audio'
    this.#ensureReceiving().add({
      ...{ publicationId, kind, participantId: owner.id, codecs: section.codecs },
      mediaStream: screen ? `${owner.id}-screen` : owner.id,
    })
  }

  unsubscribe(publicationId: string): void {
    this.subscriptions.get(publicationId)?.close()
    this.subscriptions.delete(publicationId)
    this.#wishes.delete(publicationId)
    this.#receiving?.remove(publicationId)
  }

  setWish(publicationId: string, wish: Wish): void {
    if (!this.room.publications.has(publicationId)) return
    this.#wishes.set(publicationId, wish)
    this.subscriptions.get(publicationId)?.setWish(wish)
  }

  /** Takes an answer of the subscribe connection. */
  answerSubscribe(version: number, sdp: string): void {
    const connection = this.#receiving
    if (!(connection instanceof SubscribeConnection)) {
      throw new AppError('conflict', 'No offer waits for an answer')
    }
    connection.requireInFlight(version)
    const answer = readSdp(sdp)
    if (connection.server.isOf(answer)) connection.handleAnswer(version, answer)
    else {
      this.#closeReceiving()
      this.renegotiate({ iceRestart: false })
    }
  }

  /** A new offer: with fresh ICE credentials, or (after a lost session) as it is. */
  renegotiate(options: { iceRestart: boolean }): void {
    const connection = this.#receiving
    if (connection instanceof SubscribeConnection) {
      if (options.iceRestart) connection.restart()
      else connection.resend()
    } else if (connection === undefined) {
      for (const publication of this.room.publications.values()) this.subscribe(publication)
    }
    this.offerData()
  }

  /** Data channels go over the subscribe connection, with or without media, where the client asked for them. */
  offerData(): void {
    if (!this.data.wanted || this.via !== 'member' || this.#closed) return
    const connection = this.#ensureReceiving()
    if (connection instanceof SubscribeConnection) connection.addData()
  }

  /** Plays over a connection that the client offered, as WHEP does. */
  receiveOver(connection: ReceivingConnection): void {
    this.#receiving = connection
    const { transport } = connection.server
    this.worker.watchPath(transport, (facts) => {
      if (this.#receiving === connection) this.#handlePath(facts)
    })
  }

  /** What receivers report of the sound they get, where no video is measured. */
  handleReportedLoss(report: { loss: number; jitterMs: number }): void {
    if (!this.room.limits.repair || this.allocation.facts !== undefined) return
    const path = this.#reportedLoss.update({ ...report, nowMs: performance.now() })
    this.#receiving?.server.transport.setRepairBudget(unmeasuredRepair)
    this.#setRepair(path)
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
    if (which === 'publish') this.#closePublishing()
    else this.#closeReceiving()
    this.room.connectionLost(this, reason)
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    clearTimeout(this.leaveTimer)
    this.#stranded.close()
    this.#tellPlaced()
    this.#closePublishing()
    this.#closeReceiving()
    this.#giveBack()
  }

  /** Its worker ended: what it published waits for a new connection, and what it got begins again on one. */
  strand(): void {
    this.#moving = true
    this.#tellPlaced()
    this.#placed = new Promise((resolve) => {
      this.#tellPlaced = resolve
    })
    this.#stranded.begin(this.#publishing?.server)
    this.#publishing?.close()
    this.#publishing = undefined
    this.#closeReceiving()
  }

  /** Goes on at another worker. Its client hears it at once, or when it is there again. */
  move(worker: MediaWorker): void {
    this.#giveBack()
    this.#worker = worker
    this.#giveBack = worker.reserve()
    this.#stranded.wait()
    this.tellMoved()
    this.#tellPlaced()
  }

  /** Tells a client that has not heard of its move, which answers with an offer from a new connection. */
  tellMoved(): void {
    if (!this.#moving || this.session === undefined || !this.worker.running) return
    this.#moving = false
    this.send({ type: 'rtc.moved', roomId: this.room.id })
    this.renegotiate({ iceRestart: false })
  }

  /** By section of the present connection. */
  #present(): Map<string, Publication> {
    const running = [...this.publications.values()].filter(({ stranded }) => !stranded)
    return new Map(running.map((publication) => [publication.section.mid, publication]))
  }

  #checkItems(items: readonly PublicationOffer[]): void {
    if (items.length > this.room.limits.maxPublications) {
      throw new AppError('limit-exceeded', `At most ${this.room.limits.maxPublications} publications`)
    }
    const mids = new Set<string>()
    for (const { mid, source, kind } of items) {
      requireSource(this.rights, source)
      const fitting = kindOfSource[source]
      if (fitting !== undefined && fitting !== kind) {
        throw new AppError('invalid-request', `${source} is ${fitting}, not ${kind}`)
      }
      if (mids.has(mid)) throw new AppError('invalid-request', `Section ${mid} is named twice`)
      mids.add(mid)
    }
  }

  #openPublishing(): PublishConnection {
    const { worker } = this
    const { announced } = this.room
    this.#publishing = new PublishConnection({
      e2ee: this.room.e2ee,
      // Our flights are repeated sooner than a browser's. Clients by HTTP get the part they are used to.
      setup: this.via === 'member' ? 'active' : 'passive',
      worker,
      announced,
      onClosed: (reason) => this.handleConnectionClosed('publish', reason),
    })
    return this.#publishing
  }

  #closePublishing(): void {
    for (const publication of [...this.publications.values()]) this.#unpublish(publication)
    const connection = this.#publishing
    this.#publishing = undefined
    connection?.close()
  }

  /** The client offers from another connection: what that continues stays, the rest ends. */
  #replacePublishing(items: readonly PublicationOffer[]): void {
    const continued = new Set(items.map(({ publicationId }) => publicationId))
    for (const publication of [...this.publications.values()]) {
      if (continued.has(publication.id)) publication.strand()
      else this.#unpublish(publication)
    }
    this.#stranded.wait()
    this.#publishing?.close()
    this.#publishing = undefined
  }

  #unpublish(publication: Publication): void {
    this.publications.delete(publication.id)
    this.room.publicationRemoved(publication)
  }

  #handlePath(facts: PathFacts): void {
    this.allocation.handleFacts(facts)
    const nowMs = performance.now()
    if (!this.room.limits.repair || nowMs - this.#repairedAtMs < repairEveryMs) return
    this.#repairedAtMs = nowMs
    const path = this.#steadyLoss.update(facts)
    const share = Math.max(leastRepairBudget, repairShare(path.loss))
    const { protection } = this.allocation
    // What the path carries beyond the media is free for repairs.
    const beside = facts.target - this.allocation.bitrates.allotted
    const budget = Math.max(facts.target * share + protection.bitrate, beside)
    this.#receiving?.server.transport.setRepairBudget(Math.round(budget))
    this.#setRepair({ ...path, roundTripMs: facts.roundTripMs, most: protection.most })
  }

  #setRepair(path: PathLoss | FecFacts): void {
    for (const subscription of this.subscriptions.values()) subscription.setRepair(path)
  }

  #ensureReceiving(): ReceivingConnection {
    if (this.#receiving) return this.#receiving
    const { worker } = this
    const { announced, limits, id: roomId } = this.room
    const connection = new SubscribeConnection({
      ...{ worker, announced, measured: limits.congestion, protects: limits.fec && limits.repair },
      lastVersion: this.#lastVersion,
      onOffer: (offer) => this.send({ type: 'rtc.subscribe-offer', roomId, ...offer }),
      onTrack: (publicationId, negotiated) => this.handleTrack(publicationId, negotiated),
      onData: (agreed) => this.data.handleAgreed(connection, agreed),
      onClosed: (reason) => this.handleConnectionClosed('receive', reason),
    })
    this.receiveOver(connection)
    return connection
  }

  #closeReceiving(): void {
    for (const subscription of this.subscriptions.values()) subscription.close()
    this.subscriptions.clear()
    const connection = this.#receiving
    if (connection instanceof SubscribeConnection) this.#lastVersion = connection.version
    this.#receiving = undefined
    this.data.handleConnectionGone()
    this.allocation.reset()
    this.#steadyLoss = new SteadyLoss()
    connection?.close()
  }
}
