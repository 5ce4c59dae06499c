import type { PublicationSource, TrackKind } from '@parley/contracts'
import { Attachments } from './attachments.ts'
import type { Publication } from './participant.ts'
import type { Section } from './publish-connection.ts'
import type { E2eeState } from './transform/transform-worker.ts'
import type { VideoCodec } from './video-codecs.ts'

export interface LocalPublicationOwner {
  setMuted: (publication: LocalPublication, muted: boolean) => Promise<void>
  unpublish: (publication: LocalPublication) => Promise<void>
  /** Answers what is sent for a captured track. */
  process: (publication: LocalPublication, captured: MediaStreamTrack) => Promise<MediaStreamTrack>
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
  #captured: MediaStreamTrack
  #sent: MediaStreamTrack

  /** `sent` is what a processor made of the captured track, or that track itself. */
  constructor(
    section: Section,
    tracks: { captured: MediaStreamTrack; sent: MediaStreamTrack },
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
    this.#captured = tracks.captured
    this.#sent = tracks.sent
    this.#attachments.setTrack(tracks.sent)
  }

  /** What is sent: as captured, or as a processor made it. */
  get track(): MediaStreamTrack {
    return this.#sent
  }

  /** What comes from the device, or from the application. */
  get captured(): MediaStreamTrack {
    return this.#captured
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

  /**
   * Sends another track from now on, without renegotiation, through the processor if there is one. Stops the present
   * one when it is owned.
   */
  async replaceTrack(track: MediaStreamTrack): Promise<void> {
    const previous = this.#captured
    this.#captured = track
    this.setEnabled(!this.muted)
    await this.refresh()
    if (this.isOwned && previous !== track) previous.stop()
  }

  /** @internal Sends what the processor makes of the captured track now. */
  async refresh(): Promise<void> {
    const captured = this.#captured
    const sent = await this.#owner.process(this, captured)
    if (captured !== this.#captured) return
    this.#sent = sent
    this.setEnabled(!this.muted)
    this.#attachments.setTrack(sent)
    await this.section.transceiver.sender.replaceTrack(sent)
  }

  /** @internal */
  setEnabled(enabled: boolean): void {
    this.#captured.enabled = enabled
    this.#sent.enabled = enabled
  }

  /** @internal */
  end(): void {
    this.#attachments.clear()
    if (this.isOwned) this.#captured.stop()
  }
}
