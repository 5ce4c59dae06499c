import { ParleyError } from '../parley-error.ts'

const timeoutMs = 20_000

/** Those who wait until the place in a room is taken up again. */
export class PlaceQueue {
  readonly #waiting = new Set<(error?: ParleyError) => void>()
  #closed: ParleyError | undefined

  /** Resolves at the next `settle`; rejects with `timeout` after 20 s, or as `close` says. */
  next(): Promise<void> {
    if (this.#closed) return Promise.reject(this.#closed)
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(settle)
        reject(new ParleyError('timeout', 'The room did not come back in time', { retryable: true }))
      }, timeoutMs)
      const settle = (error?: ParleyError) => {
        clearTimeout(timer)
        if (error) reject(error)
        else resolve()
      }
      this.#waiting.add(settle)
    })
  }

  settle(error?: ParleyError): void {
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const settle of waiting) settle(error)
  }

  close(error: ParleyError): void {
    this.#closed ??= error
    this.settle(error)
  }
}
