import type {
  Participant as ParticipantFacts,
  Publication as PublicationFacts,
  PublicationSource,
  SubscriptionReason,
  TrackKind,
} from '@parley/contracts'
import type { LocalPublication } from './local-publication.ts'
import type { RemoteTrack } from './remote-track.ts'
import type { NetworkLevel, Quality } from './statistics.ts'
import type { E2eeState } from './transform/transform-worker.ts'

/** From 5 (as good as it gets) down to 1 (hardly usable): what a participant sends, and what it receives. */
export interface ParticipantNetwork {
  uplink: NetworkLevel
  downlink: NetworkLevel
}

/** What a participant of either side has. `level` runs from 0 to 1 while `speaking`. */
export interface Participant {
  readonly id: string
  readonly userId: string
  readonly name: string | undefined
  readonly isLocal: boolean
  readonly publications: ReadonlyMap<string, Publication>
  readonly level: number
  readonly speaking: boolean
  readonly quality: Quality
  /** How it is connected each way, as it reports; undefined until it has published for some seconds. */
  readonly network: ParticipantNetwork | undefined
  publication(source: PublicationSource): Publication | undefined
}

export interface Publication {
  readonly id: string
  readonly kind: TrackKind
  readonly source: PublicationSource
  readonly name: string | undefined
  readonly muted: boolean
  /** In an end-to-end encrypted room, from the first frame on: whether frames get through, or why they are dropped. */
  readonly e2ee: E2eeState | undefined
  /** Shows or plays it in the element. */
  attach(element: HTMLMediaElement): void
  detach(element: HTMLMediaElement): void
}

abstract class RoomParticipant<P extends Publication> implements Participant {
  abstract readonly isLocal: boolean
  readonly publications = new Map<string, P>()
  userId = ''
  name: string | undefined
  level = 0
  speaking = false
  quality: Quality = 'unknown'
  network: ParticipantNetwork | undefined

  abstract get id(): string

  /** The first publication of the source. */
  publication(source: PublicationSource): P | undefined {
    for (const publication of this.publications.values()) {
      if (publication.source === source) return publication
    }
    return undefined
  }
}

/** Somebody else in the room. */
export class RemoteParticipant extends RoomParticipant<RemotePublication> {
  readonly isLocal = false
  readonly id: string
  readonly joinedAt: string

  constructor(facts: ParticipantFacts) {
    super()
    this.id = facts.id
    this.userId = facts.userId
    this.name = facts.name
    this.joinedAt = facts.joinedAt
  }
}

/** This client in the room. Its id changes when it had to join anew. */
export class LocalParticipant extends RoomParticipant<LocalPublication> {
  readonly isLocal = true
  id = ''
  /** What the token lets it publish. */
  canPublish: readonly PublicationSource[] = []
  canSubscribe = false
  canSendData = false
  /** May mute and remove others. */
  isModerator = false
}

/** What somebody else publishes, and how it reaches this client. */
export class RemotePublication implements Publication {
  readonly id: string
  readonly participant: RemoteParticipant
  #facts: PublicationFacts
  #track: RemoteTrack | undefined
  readonly #early = new Set<HTMLMediaElement>()
  e2ee: E2eeState | undefined
  /** Whether the server sends it now, and why not, or not in the wanted size. */
  delivery: { active: boolean; reason: SubscriptionReason } = { active: true, reason: 'ok' }

  constructor(facts: PublicationFacts, participant: RemoteParticipant) {
    this.id = facts.id
    this.participant = participant
    this.#facts = facts
  }

  get kind(): TrackKind {
    return this.#facts.kind
  }

  get source(): PublicationSource {
    return this.#facts.source
  }

  get name(): string | undefined {
    return this.#facts.name
  }

  get muted(): boolean {
    return this.#facts.muted
  }

  /** Size of the largest layer in pixels, once known. */
  get size(): { width: number; height: number } | undefined {
    const { width, height } = this.#facts
    return width === undefined || height === undefined ? undefined : { width, height }
  }

  /** There while it is subscribed. */
  get track(): RemoteTrack | undefined {
    return this.#track
  }

  attach(element: HTMLMediaElement): void {
    this.#early.add(element)
    this.#track?.attach(element)
  }

  detach(element: HTMLMediaElement): void {
    this.#early.delete(element)
    this.#track?.detach(element)
  }

  /** @internal */
  update(facts: PublicationFacts): void {
    this.#facts = facts
  }

  /** @internal */
  setTrack(track: RemoteTrack | undefined): void {
    this.#track = track
    if (track) for (const element of this.#early) track.attach(element)
  }
}
