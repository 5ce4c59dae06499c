import { AppError, type RtcLeaveReason, type ServerEvent } from '@parley/contracts'
import type { EncodedFrame, Session } from '@parley/core/gateway'
import type { TransportCloseReason } from '@parley/fastpath'
import { RoomData } from '../data/room-data.ts'
import type { MediaWorker } from '../sfu/media-worker.ts'
import type { WorkerLegs } from '../sfu/worker-leg.ts'
import type { UsageMeter } from '../usage/usage-meter.ts'
import { NetworkLevelBoard } from './network-levels.ts'
import { Participant, type ParticipantOptions } from './participant.ts'
import type { Publication } from './publication.ts'
import { requireAdmin } from './rights.ts'
import type { RoomLog } from './room-log.ts'
import { Speakers } from './speakers.ts'

export interface RoomLimits {
  placeKeptMs: number
  maxParticipants: number
  maxPublications: number
  loudest: number
  /** Paths of subscribers are measured, and shared by that. */
  congestion: boolean
  /** Random loss is answered with redundancy. */
  repair: boolean
  /** Pictures are protected ahead where answers would come late. */
  fec: boolean
  /** Messages of data channels: what one participant may send, what may wait for one, what a worker delivers. */
  dataMessagesPerSecond: number
  dataBytesPerSecond: number
  dataQueueBytes: number
  dataDeliveriesPerSecond: number
}

export interface RoomOptions {
  projectId: string
  id: string
  name: string | undefined
  e2ee: boolean
  createdAt: Date
  announced: readonly string[]
  /** Who meters what a worker carries. */
  measuredBy: (worker: MediaWorker) => string
  /** Finds the worker of one more participant. @throws AppError `unavailable`, to a newcomer `overloaded` */
  place: (present: Iterable<MediaWorker>, options: { newcomer: boolean }) => MediaWorker
  legs: WorkerLegs
  limits: RoomLimits
  usage: UsageMeter
  log: RoomLog
  encode: (event: ServerEvent) => EncodedFrame
  /** Nobody is in it any more, or it was closed. */
  onEmpty: (room: Room) => void
}

/**
 * A room with somebody in it. Lives in one server process; each participant has its media in one worker, and what
 * others publish elsewhere is relayed there. Owns its participants.
 */
export class Room {
  readonly projectId: string
  readonly id: string
  /** What is published here is encrypted end to end: nothing on the server can read it. */
  readonly e2ee: boolean
  readonly createdAt: Date
  readonly announced: readonly string[]
  readonly measuredBy: RoomOptions['measuredBy']
  readonly legs: WorkerLegs
  readonly limits: RoomLimits
  readonly usage: UsageMeter
  readonly participants = new Map<string, Participant>()
  readonly publications = new Map<string, Publication>()
  readonly data = new RoomData(this)
  name: string | undefined
  readonly #log: RoomLog
  readonly #encode: RoomOptions['encode']
  readonly #onEmpty: RoomOptions['onEmpty']
  readonly #place: RoomOptions['place']
  readonly #speakers: Speakers
  readonly #network = new NetworkLevelBoard()
  /** Those who have not yet heard how the others are connected. */
  readonly #newcomers = new Set<Participant>()
  #closed = false

  constructor(options: RoomOptions) {
    this.projectId = options.projectId
    this.id = options.id
    this.name = options.name
    this.e2ee = options.e2ee
    this.createdAt = options.createdAt
    this.announced = options.announced
    this.measuredBy = options.measuredBy
    this.legs = options.legs
    this.#place = options.place
    this.limits = options.limits
    this.usage = options.usage
    this.#log = options.log
    this.#encode = options.encode
    this.#onEmpty = options.onEmpty
    this.#speakers = new Speakers(options.limits.loudest)
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Those the members see: players by WHEP watch unseen. */
  members(): Participant[] {
    return [...this.participants.values()].filter(({ via }) => via !== 'whep')
  }

  join(options: Omit<ParticipantOptions, 'room' | 'worker'> & { session?: Session }): Participant {
    if (this.participants.size >= this.limits.maxParticipants) {
      throw new AppError('limit-exceeded', `The room has ${this.limits.maxParticipants} participants already`)
    }
    const worker = this.#place(this.#workers(), { newcomer: true })
    const participant = new Participant({ ...options, room: this, worker })
    participant.session = options.session
    this.participants.set(participant.id, participant)
    this.#newcomers.add(participant)
    if (participant.via !== 'whep') {
      this.#broadcast(
        { type: 'rtc.participant-joined', roomId: this.id, participant: participant.view() },
        participant,
      )
    }
    this.#log.add('room.participant-joined', { participantId: participant.id, userId: participant.userId })
    for (const publication of this.publications.values()) participant.subscribe(publication)
    participant.offerData()
    return participant
  }

  /** Gives a kept place to a new session; one that still holds it is told. */
  resume(participant: Participant, session: Session): void {
    clearTimeout(participant.leaveTimer)
    if (participant.session !== undefined && participant.session !== session) {
      participant.send({ type: 'rtc.closed', roomId: this.id, reason: 'replaced' })
    }
    participant.session = session
    this.#newcomers.add(participant)
    for (const publication of participant.publications.values()) publication.tellLayers()
    if (participant.moving) participant.tellMoved()
    else participant.renegotiate({ iceRestart: false })
  }

  /** The session is gone: the place is kept for a while, and media goes on. */
  detach(participant: Participant): void {
    participant.session = undefined
    if (!participant.hasMedia && this.limits.placeKeptMs > 2_000) {
      // Nobody misses what neither sends nor receives, but a reload is quicker than this.
      this.#leaveLater(participant, 2_000)
    } else this.#leaveLater(participant, this.limits.placeKeptMs)
  }

  leave(participant: Participant, reason: RtcLeaveReason): void {
    if (!this.participants.delete(participant.id)) return
    if (reason !== 'left') participant.send({ type: 'rtc.closed', roomId: this.id, reason })
    participant.session = undefined
    this.#newcomers.delete(participant)
    this.#network.forget(participant.id)
    participant.close()
    const { id: participantId, userId } = participant
    if (participant.via !== 'whep') {
      this.#broadcast({ type: 'rtc.participant-left', roomId: this.id, participantId, reason })
    }
    this.#log.add('room.participant-left', { participantId, userId, reason })
    if (this.participants.size === 0 && !this.#closed) {
      this.#closed = true
      this.#onEmpty(this)
    }
  }

  /** Everybody leaves. */
  close(reason: RtcLeaveReason): void {
    if (this.#closed) return
    this.#closed = true
    for (const participant of [...this.participants.values()]) this.leave(participant, reason)
    this.#onEmpty(this)
  }

  /** A connection of a participant ended by itself. */
  connectionLost(participant: Participant, reason: TransportCloseReason): void {
    if (reason !== 'dtls-closed') this.leave(participant, 'media-timeout')
    else if (participant.session === undefined && !participant.hasMedia) {
      // The client closed all it had, and is gone altogether.
      this.leave(participant, participant.via === 'member' ? 'connection-lost' : 'left')
    }
  }

  /**
   * A worker ended. Its members wait for `moveFrom`; players and publishers by HTTP cannot be told, and leave. Answers
   * whether anybody waits.
   */
  strandAt(worker: MediaWorker): boolean {
    const stranded = [...this.participants.values()].filter((participant) => participant.worker === worker)
    for (const participant of stranded) {
      if (participant.via === 'member') participant.strand()
      else this.leave(participant, 'connection-lost')
    }
    return stranded.some(({ via }) => via === 'member')
  }

  /** Those whom a worker's end stranded go on at others. Without any they leave, and clients join again. */
  moveFrom(worker: MediaWorker): void {
    for (const participant of [...this.participants.values()]) {
      if (participant.worker !== worker) continue
      try {
        participant.move(this.#place(this.#workers(), { newcomer: false }))
      } catch (error) {
        if (!(error instanceof AppError)) throw error
        this.leave(participant, 'connection-lost')
      }
    }
  }

  publicationAdded(publication: Publication): void {
    this.publications.set(publication.id, publication)
    const { id: publicationId, owner, source } = publication
    this.#broadcast(
      {
        type: 'rtc.publication-added',
        roomId: this.id,
        participantId: owner.id,
        publication: publication.view(),
      },
      owner,
    )
    this.#log.add('room.publication-added', { participantId: owner.id, publicationId, source })
    for (const participant of this.participants.values()) participant.subscribe(publication)
  }

  publicationRemoved(publication: Publication): void {
    if (!this.publications.delete(publication.id)) return
    this.#speakers.forget(publication)
    const { id: publicationId, owner } = publication
    for (const { subscriber } of [...publication.subscriptions]) subscriber.unsubscribe(publicationId)
    this.#broadcast(
      { type: 'rtc.publication-removed', roomId: this.id, participantId: owner.id, publicationId },
      owner,
    )
    this.#log.add('room.publication-removed', { participantId: owner.id, publicationId })
  }

  announceChange(publication: Publication): void {
    if (!this.publications.has(publication.id)) return
    this.#broadcast({
      type: 'rtc.publication-changed',
      roomId: this.id,
      participantId: publication.owner.id,
      publication: publication.view(),
    })
  }

  mute(participant: Participant, publicationId: string, muted: boolean): void {
    const publication = participant.publications.get(publicationId)
    if (publication === undefined) throw new AppError('not-found', 'There is no such publication of yours')
    if (publication.setMuted(muted)) this.announceChange(publication)
  }

  muteOther(moderator: Participant, publicationId: string): void {
    requireAdmin(moderator.rights)
    const publication = this.publications.get(publicationId)
    if (publication === undefined) throw new AppError('not-found', 'There is no such publication in the room')
    if (publication.setMuted(true)) this.announceChange(publication)
  }

  remove(participantId: string): void {
    const participant = this.participants.get(participantId)
    if (participant === undefined) throw new AppError('participant-not-found')
    this.leave(participant, 'removed')
  }

  hear(publication: Publication, level: Parameters<Speakers['hear']>[1]): void {
    this.#speakers.hear(publication, level)
  }

  /** Looks who speaks. Called at a steady pace. */
  lookAtSpeakers(): void {
    const voices = [...this.publications.values()].filter(({ isVoice }) => isVoice)
    const speakers = this.#speakers.look(voices)
    for (const { participantId } of speakers ?? []) this.participants.get(participantId)?.handleSpeech()
    if (speakers !== undefined) this.#broadcast({ type: 'rtc.speakers', roomId: this.id, speakers })
  }

  noteNetwork({ id }: Participant, facts: Record<string, number>): void {
    this.#network.note(id, facts)
  }

  /** Tells how those who publish are connected. Called at a steady pace. */
  tellNetworkLevels(): void {
    const type = 'rtc.network-levels'
    const publishers = [...this.participants.values()].filter(({ publications }) => publications.size > 0)
    const shown = new Set(publishers.map(({ id }) => id))
    const levels = this.#network.takeNews((id) => shown.has(id))
    if (levels.length > 0) this.#broadcast({ type, roomId: this.id, levels })
    if (this.#newcomers.size === 0) return
    const all = this.#network.of(shown)
    for (const participant of this.#newcomers) {
      if (all.length > 0) participant.send({ type, roomId: this.id, levels: all })
    }
    this.#newcomers.clear()
  }

  /** Tells publishers which of their layers nobody watches. Called at a steady pace. */
  lookAtWatchers(nowMs: number): void {
    for (const publication of this.publications.values()) publication.lookAtWatchers(nowMs)
  }

  /** Stops relaying what nobody wants any more. Called at a steady pace. */
  lookAtRelays(nowMs: number): void {
    for (const { relays } of this.publications.values()) if (relays.size > 0) relays.look(nowMs)
  }

  #workers(): Set<MediaWorker> {
    const workers = new Set<MediaWorker>()
    for (const { worker } of this.participants.values()) workers.add(worker)
    return workers
  }

  #leaveLater(participant: Participant, ms: number): void {
    clearTimeout(participant.leaveTimer)
    participant.leaveTimer = setTimeout(() => this.leave(participant, 'connection-lost'), ms)
  }

  #broadcast(event: ServerEvent, except?: Participant): void {
    let frame: EncodedFrame | undefined
    for (const participant of this.participants.values()) {
      if (participant === except || participant.session === undefined) continue
      frame ??= this.#encode(event)
      participant.session.sendEncoded(frame)
    }
  }
}
