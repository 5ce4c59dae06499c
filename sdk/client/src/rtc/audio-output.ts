import type { RemoteTrack } from './remote-track.ts'
import { type Position, SpatialAudio } from './spatial-audio.ts'

interface Playing {
  element: HTMLAudioElement
  /** Whose voice it is; what is no voice (the sound of a screen) has no place in the room. */
  userId: string | undefined
}

/** Plays the audio of a room through elements of its own, which are in no document, or from places in space. */
export class AudioOutput {
  readonly spatial: SpatialAudio
  readonly #onBlocked: (blocked: boolean) => void
  readonly #playing = new Map<RemoteTrack, Playing>()
  /** By user, so that a place outlasts that its user joins anew. */
  readonly #positions = new Map<string, Position>()
  #deviceId = ''
  #blocked = false

  constructor(onBlocked: (blocked: boolean) => void) {
    this.#onBlocked = onBlocked
    this.spatial = new SpatialAudio({ onBlocked: () => this.handleBlocked() })
  }

  /** The browser waits for a click before it plays anything. */
  get isBlocked(): boolean {
    return this.#blocked
  }

  get deviceId(): string {
    return this.#deviceId
  }

  play(track: RemoteTrack, userId?: string): void {
    if (typeof Audio === 'undefined') return
    const element = new Audio()
    const playing = { element, userId }
    this.#playing.set(track, playing)
    // What comes over another connection brings another track, which the element is given by itself.
    element.addEventListener('loadedmetadata', () => {
      if (this.#playing.get(track) === playing) this.#place(track, playing)
    })
    if (this.#deviceId !== '') void element.setSinkId?.(this.#deviceId).catch(() => undefined)
    track.attach(element)
    this.#place(track, playing)
  }

  stop(track: RemoteTrack): void {
    const playing = this.#playing.get(track)
    if (playing) track.detach(playing.element)
    this.#playing.delete(track)
    this.spatial.remove(track.publicationId)
  }

  positionOf(userId: string): Position | undefined {
    return this.#positions.get(userId)
  }

  /** Undefined: heard from everywhere, as without places. */
  setPosition(userId: string, position: Position | undefined): void {
    if (position) this.#positions.set(userId, position)
    else this.#positions.delete(userId)
    for (const [track, playing] of this.#playing) {
      if (playing.userId === userId) this.#place(track, playing)
    }
  }

  /** Call it in the handler of a click. Rejects when the browser still refuses. */
  async start(): Promise<void> {
    await Promise.all([...this.#playing.values()].map(({ element }) => element.play()))
    await this.spatial.start()
    this.#setBlocked(false)
  }

  async setDevice(deviceId: string): Promise<void> {
    await Promise.all([...this.#playing.values()].map(({ element }) => element.setSinkId?.(deviceId)))
    await this.spatial.setDevice(deviceId)
    this.#deviceId = deviceId
  }

  handleBlocked(): void {
    this.#setBlocked(true)
  }

  close(): void {
    for (const track of [...this.#playing.keys()]) this.stop(track)
    this.spatial.close()
  }

  #place(track: RemoteTrack, { element, userId }: Playing): void {
    const position = userId === undefined ? undefined : this.#positions.get(userId)
    // Chromium lets a received track flow into an audio graph only while an element plays it, if mutely.
    element.muted = position !== undefined
    if (position) this.spatial.place(track.publicationId, track.mediaStreamTrack, position)
    else this.spatial.remove(track.publicationId)
  }

  #setBlocked(blocked: boolean): void {
    if (this.#blocked === blocked) return
    this.#blocked = blocked
    this.#onBlocked(blocked)
  }
}
