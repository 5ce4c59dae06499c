/**
 * Runs one asynchronous piece of work at a time. Calls made while it runs share the next run, so that a caller's
 * change is always covered by a run that began after it, and a burst of changes costs two runs, not many.
 */
export class SerialRun {
  readonly #work: () => Promise<void>
  #current: Promise<void> | undefined
  #next: Promise<void> | undefined

  constructor(work: () => Promise<void>) {
    this.#work = work
  }

  /** Settles as the run that covers this call does. */
  run(): Promise<void> {
    if (this.#next) return this.#next
    if (!this.#current) return this.#begin()
    const begin = () => this.#begin()
    this.#next = this.#current.then(begin, begin)
    return this.#next
  }

  #begin(): Promise<void> {
    this.#next = undefined
    const current = this.#work().finally(() => {
      if (this.#current === current) this.#current = undefined
    })
    this.#current = current
    return current
  }
}
