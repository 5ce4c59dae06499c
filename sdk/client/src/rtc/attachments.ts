/** The media elements one track is shown or played in. Elements stay attached when the track is replaced. */
export class Attachments {
  readonly elements = new Set<HTMLMediaElement>()
  readonly #silent: boolean
  readonly #onBlocked: () => void
  #stream: MediaStream | undefined

  /** `silent`: elements are muted, as one does not want to hear oneself. */
  constructor(options: { silent: boolean; onBlocked: () => void }) {
    this.#silent = options.silent
    this.#onBlocked = options.onBlocked
  }

  setTrack(track: MediaStreamTrack | undefined): void {
    this.#stream = track && new MediaStream([track])
    for (const element of this.elements) this.#show(element)
  }

  attach(element: HTMLMediaElement): void {
    this.elements.add(element)
    element.autoplay = true
    if (this.#silent) element.muted = true
    if ('playsInline' in element) element.playsInline = true
    this.#show(element)
  }

  detach(element: HTMLMediaElement): void {
    if (!this.elements.delete(element)) return
    if (element.srcObject === this.#stream) element.srcObject = null
  }

  clear(): void {
    for (const element of [...this.elements]) this.detach(element)
    this.#stream = undefined
  }

  #show(element: HTMLMediaElement): void {
    element.srcObject = this.#stream ?? null
    if (!this.#stream) return
    element.play().catch((error: unknown) => {
      // Everything else (a new source, a removed element) ends a play() that nobody waits for any more.
      if (error instanceof DOMException && error.name === 'NotAllowedError') this.#onBlocked()
    })
  }
}
