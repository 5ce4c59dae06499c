import type { TrackKind } from '@parley/contracts'
import { Attachments } from './attachments.ts'

/** How loudspeaker elements are played; see `AudioOutput`. */
export interface RemoteTrackOwner {
  onElementsChanged: (track: RemoteTrack) => void
  onBlocked: () => void
}

/** Audio or video that arrives. The room owns it; it ends with `track-unsubscribed`. */
export class RemoteTrack {
  readonly publicationId: string
  readonly kind: TrackKind
  #receiver: RTCRtpReceiver
  readonly #attachments: Attachments
  readonly #owner: RemoteTrackOwner

  constructor(publicationId: string, receiver: RTCRtpReceiver, owner: RemoteTrackOwner) {
    this.publicationId = publicationId
    this.kind = receiver.track.kind === 'audio' ? 'audio' : 'video'
    this.#receiver = receiver
    this.#owner = owner
    this.#attachments = new Attachments({ silent: false, onBlocked: owner.onBlocked })
    this.#attachments.setTrack(receiver.track)
  }

  get receiver(): RTCRtpReceiver {
    return this.#receiver
  }

  /** Another one after the server moved the media of this client; attached elements follow by themselves. */
  get mediaStreamTrack(): MediaStreamTrack {
    return this.receiver.track
  }

  /** The elements it is attached to. */
  get elements(): ReadonlySet<HTMLMediaElement> {
    return this.#attachments.elements
  }

  /** Loudness of what is heard now, from 0 to 1. */
  get level(): number {
    return this.receiver.getSynchronizationSources()[0]?.audioLevel ?? 0
  }

  /**
   * Shows or plays it in the element, a new one unless given. From the first attached element on, the server
   * sends video only while an element is visible, and in a size that fits the largest.
   */
  attach(element?: HTMLMediaElement): HTMLMediaElement {
    const target = element ?? document.createElement(this.kind)
    this.#attachments.attach(target)
    this.#owner.onElementsChanged(this)
    return target
  }

  /** Takes it out of one element, or of all. */
  detach(element?: HTMLMediaElement): void {
    if (element) this.#attachments.detach(element)
    else for (const each of [...this.elements]) this.#attachments.detach(each)
    this.#owner.onElementsChanged(this)
  }

  /** @internal Milliseconds that media waits before it is played; null: as the browser thinks. */
  setPlayoutTarget(targetMs: number | null): void {
    // Not in all browsers.
    if (!('jitterBufferTarget' in this.receiver) || this.receiver.jitterBufferTarget === targetMs) return
    this.receiver.jitterBufferTarget = targetMs
  }

  /** @internal The same publication comes over another connection. */
  moveTo(receiver: RTCRtpReceiver): void {
    this.#receiver = receiver
    this.#attachments.setTrack(receiver.track)
  }

  /** @internal */
  end(): void {
    this.#attachments.clear()
    this.#owner.onElementsChanged(this)
  }
}
