import type { MediaWorker } from '../sfu/media-worker.ts'

/** The media worker that carries a participant, and its way from one that ended to another. */
export class Placement {
  #worker: MediaWorker
  #giveBack: () => void
  #moving = false
  #placed: Promise<void> = Promise.resolve()
  #tellPlaced: () => void = () => undefined

  constructor(worker: MediaWorker) {
    this.#worker = worker
    this.#giveBack = worker.reserve()
  }

  /** Another one after that ended. */
  get worker(): MediaWorker {
    return this.#worker
  }

  /** The worker ended and there is no other one yet, or the client did not hear of it. */
  get moving(): boolean {
    return this.#moving
  }

  /** Settles when there is a worker, or the participant has left for want of one. */
  get placed(): Promise<void> {
    return this.#placed
  }

  /** The worker ended. */
  lose(): void {
    this.#moving = true
    this.#tellPlaced()
    this.#placed = new Promise((resolve) => {
      this.#tellPlaced = resolve
    })
  }

  take(worker: MediaWorker): void {
    this.#giveBack()
    this.#worker = worker
    this.#giveBack = worker.reserve()
  }

  /** Whoever waits for the worker may go on. */
  tellPlaced(): void {
    this.#tellPlaced()
  }

  /** The client hears of its move now. */
  settle(): void {
    this.#moving = false
  }

  close(): void {
    this.#tellPlaced()
    this.#giveBack()
  }
}
