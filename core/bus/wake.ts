/** An auto-reset event for one waiter: any number of `set` before a `wait` count as one. */
export class Wake {
  #set = false
  #release: (() => void) | undefined

  set(): void {
    if (this.#release) this.#release()
    else this.#set = true
  }

  /** Resolves when set, after `ms`, or when the signal aborts. */
  wait(ms: number, signal?: AbortSignal): Promise<void> {
    if (this.#set || signal?.aborted) {
      this.#set = false
      return Promise.resolve()
    }
    return new Promise((resolve) => {
      const release = (): void => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', release)
        this.#release = undefined
        resolve()
      }
      const timer = setTimeout(release, ms)
      signal?.addEventListener('abort', release)
      this.#release = release
    })
  }
}
