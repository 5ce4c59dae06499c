import type {
  IceServer,
  Participant as ParticipantFacts,
  Publication as PublicationFacts,
  RtcLeaveReason,
  RtcServerEvents,
} from '@parley/contracts'
import { AudioOutput } from './audio-output.ts'
import { ConnectPatience } from './connect-watch.ts'
import { RemoteParticipant, RemotePublication } from './participant.ts'
import { type MeasuredLoss, PictureWait } from './picture-wait.ts'
import { PlayoutTarget } from './playout-target.ts'
import { RemoteTrack } from './remote-track.ts'
import type { ReceivedTrack } from './statistics.ts'
import { type Assignment, SubscribeConnection, type SubscribeOffer } from './subscribe-connection.ts'
import { SubscriptionWishes, type Wish } from './subscription-wishes.ts'
import type { MediaTransforms } from './transform/media-transforms.ts'

export interface TrackEvent {
  track: RemoteTrack
  publication: RemotePublication
  participant: RemoteParticipant
}

export interface RemotePublicationEvent {
  publication: RemotePublication
  participant: RemoteParticipant
}

export interface RemoteMediaOptions {
  /** The room plays audio by itself. */
  playsAudio: boolean
  /** Video follows the elements it is shown in. */
  adaptive: boolean
  /** In an end-to-end encrypted room. */
  sealing: () => MediaTransforms | undefined
  onSealing: (event: RemotePublicationEvent) => void
  answer: (sdp: string, version: number) => Promise<unknown>
  /** `anew`: another connection is to be offered. */
  requestRestart: (anew: boolean) => Promise<unknown>
  onDataChannel: (channel: RTCDataChannel) => void
  sendWishes: (wishes: Wish[]) => void
  onPath: (lost: boolean) => void
  /** The connection cannot be used any more; the room joins anew. */
  onGivenUp: () => void
  onAudioBlocked: (blocked: boolean) => void
  onJoined: (participant: RemoteParticipant) => void
  onLeft: (participant: RemoteParticipant, reason: RtcLeaveReason) => void
  onAdded: (event: RemotePublicationEvent) => void
  onChanged: (event: RemotePublicationEvent) => void
  onRemoved: (event: RemotePublicationEvent) => void
  onSubscribed: (event: TrackEvent) => void
  onUnsubscribed: (event: TrackEvent) => void
}

const mayComeBack = new Set<RtcLeaveReason>(['connection-lost', 'media-timeout', 'server-stopping'])

function unwantedKey({ participant, source, name = '' }: RemotePublication): string {
  return [participant.userId, source, name].join('\n')
}

/** The others: who is there, what they publish, and what of it arrives. It owns the subscribe connection. */
export class RemoteMedia {
  readonly participants = new Map<string, RemoteParticipant>()
  readonly audio: AudioOutput
  readonly #options: RemoteMediaOptions
  /** What the application does not want of whom; outlasts that somebody joins anew after a lost connection. */
  readonly #unwanted = new Set<string>()
  #scale = 1
  readonly #publications = new Map<string, RemotePublication>()
  readonly #wishes: SubscriptionWishes
  #iceServers: readonly IceServer[] = []
  readonly #playout = new WeakMap<RemoteTrack, PlayoutTarget>()
  readonly #pictureWait = new PictureWait()
  #connection: SubscribeConnection | undefined
  readonly #patience = new ConnectPatience()
  #assignments: readonly Assignment[] = []

  constructor(options: RemoteMediaOptions) {
    this.#options = options
    this.audio = new AudioOutput(options.onAudioBlocked)
    this.#wishes = new SubscriptionWishes(options.sendWishes)
  }

  /** Brings everything in line with what the server says after a join; `fresh`: nothing is received yet. */
  handleJoined(
    participants: readonly ParticipantFacts[],
    iceServers: readonly IceServer[],
    fresh: boolean,
  ): void {
    this.#iceServers = iceServers
    if (fresh) {
      this.#connection?.close()
      this.#connection = undefined
      this.#assign([])
    }
    const present = new Set(participants.map(({ id }) => id))
    for (const id of [...this.participants.keys()]) {
      if (!present.has(id)) this.handleLeft(id, 'connection-lost')
    }
    for (const facts of participants) this.handleParticipant(facts)
    if (!fresh) this.#connection?.handleResumed()
    this.#wishes.resend()
  }

  handleOffer(offer: SubscribeOffer): void {
    const { answer, requestRestart, onDataChannel, onPath, onGivenUp } = this.#options
    this.#connection ??= new SubscribeConnection({
      iceServers: this.#iceServers,
      sealing: this.#options.sealing(),
      answer,
      requestRestart: () => requestRestart(false),
      onDataChannel,
      onAssigned: (assignments) => this.#assign(assignments),
      onBroken: onGivenUp,
      patience: this.#patience,
      onSlow: () => {
        this.handleMoved()
        // What cannot be told now is offered again with the next join.
        requestRestart(true).catch(() => undefined)
      },
      onLost: () => onPath(true),
      onBack: () => onPath(false),
      onGivenUp,
    })
    this.#connection.handleOffer(offer)
  }

  /** The media comes over a new connection from now on; tracks stay and change over when it is offered. */
  handleMoved(): void {
    this.#connection?.close()
    this.#connection = undefined
    this.#assignments = []
  }

  handleParticipant(facts: ParticipantFacts): void {
    let participant = this.participants.get(facts.id)
    if (!participant) {
      participant = new RemoteParticipant(facts)
      this.participants.set(facts.id, participant)
      this.#options.onJoined(participant)
    }
    const present = new Set(facts.publications.map(({ id }) => id))
    for (const id of [...participant.publications.keys()]) {
      if (!present.has(id)) this.handleRemoved(facts.id, id)
    }
    for (const publication of facts.publications) this.handlePublication(facts.id, publication)
  }

  handleLeft(participantId: string, reason: RtcLeaveReason): void {
    const participant = this.participants.get(participantId)
    if (!participant) return
    for (const id of [...participant.publications.keys()]) this.handleRemoved(participantId, id)
    this.participants.delete(participantId)
    if (!mayComeBack.has(reason)) this.#forgetUnwanted(participant.userId)
    this.#options.onLeft(participant, reason)
  }

  handlePublication(participantId: string, facts: PublicationFacts): void {
    const participant = this.participants.get(participantId)
    if (!participant) return
    const known = participant.publications.get(facts.id)
    if (known) {
      known.update(facts)
      if (this.#scale < 1) this.setScale(this.#scale)
      this.#options.onChanged({ publication: known, participant })
      return
    }
    const publication = new RemotePublication(facts, participant)
    participant.publications.set(facts.id, publication)
    this.#publications.set(facts.id, publication)
    if (this.#unwanted.has(unwantedKey(publication))) this.#wishes.setEnabled(facts.id, false)
    if (this.#scale < 1) this.setScale(this.#scale)
    this.#options.onAdded({ publication, participant })
    this.#reconcile()
  }

  handleRemoved(participantId: string, publicationId: string): void {
    const participant = this.participants.get(participantId)
    const publication = participant?.publications.get(publicationId)
    if (!participant || !publication) return
    this.#unsubscribe(publication)
    participant.publications.delete(publicationId)
    this.#publications.delete(publicationId)
    this.#wishes.forget(publicationId)
    this.#options.onRemoved({ publication, participant })
  }

  handleDelivery({ publicationId, active, reason }: RtcServerEvents['rtc.subscription-changed']): void {
    const publication = this.#publications.get(publicationId)
    if (!publication) return
    publication.delivery = { active, reason }
    this.#options.onChanged({ publication, participant: publication.participant })
  }

  /** Asks for videos in a share of the size they are shown in. */
  setScale(scale: number): void {
    this.#scale = scale
    const sizes = [...this.#publications.values()].flatMap(({ id, kind, size }) =>
      kind === 'video' && size ? [[id, size] as const] : [],
    )
    this.#wishes.setScale(scale, new Map(sizes))
  }

  setEnabled(publication: RemotePublication, enabled: boolean): void {
    if (enabled) this.#unwanted.delete(unwantedKey(publication))
    else this.#unwanted.add(unwantedKey(publication))
    this.#wishes.setEnabled(publication.id, enabled)
  }

  /** Lets media wait as long as its losses ask for. */
  setPlayout(received: readonly ReceivedTrack[], path: MeasuredLoss | undefined): void {
    const pictureWaitMs = path && this.#pictureWait.update(path)
    for (const { publicationId = '', loss, concealed } of received) {
      const track = this.#publications.get(publicationId)?.track
      if (!track) continue
      if (track.kind === 'video' && pictureWaitMs !== undefined) {
        track.setPlayoutTarget(pictureWaitMs)
        continue
      }
      const playout = this.#playout.get(track) ?? new PlayoutTarget()
      this.#playout.set(track, playout)
      track.setPlayoutTarget(playout.update(loss, concealed))
    }
  }

  publicationOfMid(mid: string): string | undefined {
    return this.#assignments.find((assignment) => assignment.mid === mid)?.publicationId
  }

  participantOf(publicationId: string): RemoteParticipant | undefined {
    return this.#publications.get(publicationId)?.participant
  }

  async getStats(): Promise<RTCStatsReport | undefined> {
    return this.#connection?.getStats()
  }

  close(): void {
    this.#connection?.close()
    this.#assign([])
    this.#wishes.close()
    this.audio.close()
  }

  #forgetUnwanted(userId: string): void {
    for (const key of [...this.#unwanted]) if (key.startsWith(`${userId}\n`)) this.#unwanted.delete(key)
  }

  #assign(assignments: readonly Assignment[]): void {
    this.#assignments = assignments
    this.#reconcile()
  }

  /** Offers and publications arrive on their own; a track is subscribed once both are there. */
  #reconcile(): void {
    const wanted = new Map(this.#assignments.map((assignment) => [assignment.publicationId, assignment]))
    for (const publication of this.#publications.values()) {
      const assignment = wanted.get(publication.id)
      const { track, participant } = publication
      if (assignment && !track) this.#subscribe(publication, assignment.receiver)
      else if (!assignment) this.#unsubscribe(publication)
      else if (track && track.receiver !== assignment.receiver) {
        track.moveTo(assignment.receiver)
        this.#options.onChanged({ publication, participant })
      }
    }
  }

  #subscribe(publication: RemotePublication, receiver: RTCRtpReceiver): void {
    const track = new RemoteTrack(publication.id, receiver, {
      onElementsChanged: () => {
        if (this.#options.adaptive && track.kind === 'video') {
          if (publication.track === track) this.#wishes.setElements(publication.id, track.elements)
        }
      },
      onBlocked: () => this.audio.handleBlocked(),
    })
    publication.setTrack(track)
    const { participant } = publication
    this.#options.sealing()?.setSource(receiver, {
      userId: participant.userId,
      onState: (state) => {
        if (publication.track !== track) return
        publication.e2ee = state
        this.#options.onSealing({ publication, participant })
      },
    })
    if (track.kind === 'audio' && this.#options.playsAudio) {
      const isVoice = publication.source === 'microphone'
      this.audio.play(track, isVoice ? participant.userId : undefined)
    }
    this.#options.onSubscribed({ track, publication, participant })
  }

  #unsubscribe(publication: RemotePublication): void {
    const { track } = publication
    if (!track) return
    publication.setTrack(undefined)
    publication.e2ee = undefined
    this.audio.stop(track)
    track.end()
    this.#options.onUnsubscribed({ track, publication, participant: publication.participant })
  }
}
