/** A wait that can be cut short. Its owner waits for one thing at a time. */
export class Pause {
  #wake: () => void = () => undefined

  wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.end(), ms)
      this.#wake = () => {
        clearTimeout(timer)
        this.#wake = () => undefined
        resolve()
      }
    })
  }

  /** Ends the wait now, if there is one. */
  end(): void {
    this.#wake()
  }
}
