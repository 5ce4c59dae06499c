import type { PublicationSource, TrackKind } from '@parley/contracts'
import { Attachments } from './attachments.ts'
import type { Publication } from './participant.ts'
import type { Section } from './publish-connection.ts'
import type { E2eeState } from './transform/transform-worker.ts'
import type { VideoCodec } from './video-codecs.ts'

export interface LocalPublicationOwner {
  setMuted: (publication: LocalPublication, muted: boolean) => Promise<void>
  unpublish: (publication: LocalPublication) => Promise<void>
}

/** What this client publishes. A track the SDK captured is stopped with the publication; one given to it is not. */
export class LocalPublication implements Publication {
  id = ''
  readonly kind: TrackKind
  readonly source: PublicationSource
  readonly name: string | undefined
  readonly simulcast: boolean | undefined
  readonly codec: VideoCodec | undefined
  muted: boolean
  /** @internal What the server believes. */
  toldMuted: boolean
  /** @internal */
  section: Section
  /** @internal Constraints to capture it again with; undefined: the track belongs to the application. */
  constraints: MediaTrackConstraints | undefined
  readonly #owner: LocalPublicationOwner
  readonly #attachments = new Attachments({ silent: true, onBlocked: () => undefined })
  #track: MediaStreamTrack

  constructor(
    section: Section,
    track: MediaStreamTrack,
    options: {
      constraints: MediaTrackConstraints | undefined
      simulcast: boolean | undefined
      codec: VideoCodec | undefined
    },
    owner: LocalPublicationOwner,
  ) {
    this.section = section
    this.kind = section.kind
    this.source = section.source
    this.name = section.name
    this.muted = section.muted
    this.toldMuted = section.muted
    this.constraints = options.constraints
    this.simulcast = options.simulcast
    this.codec = options.codec
    this.#owner = owner
    this.#track = track
    this.#attachments.setTrack(track)
  }

  get track(): MediaStreamTrack {
    return this.#track
  }

  get e2ee(): E2eeState | undefined {
    return this.section.sealing
  }

  get isOwned(): boolean {
    return this.constraints !== undefined
  }

  attach(element: HTMLMediaElement): void {
    this.#attachments.attach(element)
  }

  detach(element: HTMLMediaElement): void {
    this.#attachments.detach(element)
  }

  mute(): Promise<void> {
    return this.#owner.setMuted(this, true)
  }

  unmute(): Promise<void> {
    return this.#owner.setMuted(this, false)
  }

  unpublish(): Promise<void> {
    return this.#owner.unpublish(this)
  }

  /** Sends another track from now on, without renegotiation. Stops the present one when it is owned. */
  async replaceTrack(track: MediaStreamTrack): Promise<void> {
    const previous = this.#track
    this.#track = track
    track.enabled = !this.muted
    this.#attachments.setTrack(track)
    await this.section.transceiver.sender.replaceTrack(track)
    if (this.isOwned && previous !== track) previous.stop()
  }

  /** @internal */
  end(): void {
    this.#attachments.clear()
    if (this.isOwned) this.#track.stop()
  }
}
