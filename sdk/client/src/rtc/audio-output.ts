import type { RemoteTrack } from './remote-track.ts'

/** Plays the audio of a room through elements of its own, which are in no document. */
export class AudioOutput {
  readonly #onBlocked: (blocked: boolean) => void
  readonly #elements = new Map<RemoteTrack, HTMLAudioElement>()
  #deviceId = ''
  #blocked = false

  constructor(onBlocked: (blocked: boolean) => void) {
    this.#onBlocked = onBlocked
  }

  /** The browser waits for a click before it plays anything. */
  get isBlocked(): boolean {
    return this.#blocked
  }

  get deviceId(): string {
    return this.#deviceId
  }

  play(track: RemoteTrack): void {
    if (typeof Audio === 'undefined') return
    const element = new Audio()
    this.#elements.set(track, element)
    if (this.#deviceId !== '') void element.setSinkId?.(this.#deviceId).catch(() => undefined)
    track.attach(element)
  }

  stop(track: RemoteTrack): void {
    const element = this.#elements.get(track)
    if (element) track.detach(element)
    this.#elements.delete(track)
  }

  /** Call it in the handler of a click. Rejects when the browser still refuses. */
  async start(): Promise<void> {
    await Promise.all([...this.#elements.values()].map((element) => element.play()))
    this.#setBlocked(false)
  }

  async setDevice(deviceId: string): Promise<void> {
    await Promise.all([...this.#elements.values()].map((element) => element.setSinkId?.(deviceId)))
    this.#deviceId = deviceId
  }

  handleBlocked(): void {
    this.#setBlocked(true)
  }

  close(): void {
    for (const track of [...this.#elements.keys()]) this.stop(track)
  }

  #setBlocked(blocked: boolean): void {
    if (this.#blocked === blocked) return
    this.#blocked = blocked
    this.#onBlocked(blocked)
  }
}
