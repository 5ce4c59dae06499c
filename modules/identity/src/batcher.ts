import { AppError } from '@parley/contracts'

interface Waiting<Item, Answer> {
  item: Item
  resolve: (answer: Answer) => void
  reject: (error: unknown) => void
}

export interface BatcherOptions<Item, Answer> {
  /** Answers in the order of the items. A throw fails every item of the batch. */
  run: (items: Item[]) => Promise<Answer[]>
  maxBatch: number
  /** Items that may wait; beyond it `submit` throws `overloaded`. */
  maxQueued: number
  /** Batches under way at once. With one, batches follow each other in the order of their items. */
  lanes?: number
}

/**
 * Turns many small calls into few large ones without waiting: what arrives in one turn of the event loop, or while
 * the lanes are busy, goes together. Holds no timer; nothing to close but what `run` uses.
 */
export class Batcher<Item, Answer> {
  readonly #options: Required<BatcherOptions<Item, Answer>>
  readonly #waiting: Waiting<Item, Answer>[] = []
  #running = 0
  #scheduled = false
  #idle: (() => void)[] = []

  constructor(options: BatcherOptions<Item, Answer>) {
    this.#options = { lanes: 1, ...options }
  }

  submit(item: Item): Promise<Answer> {
    if (this.#waiting.length >= this.#options.maxQueued) {
      return Promise.reject(new AppError('overloaded', undefined, { retryAfterMs: 1000 }))
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject })
      this.#schedule()
    })
  }

  /** Resolves when nothing waits and nothing runs. */
  settled(): Promise<void> {
    if (this.#running === 0 && this.#waiting.length === 0) return Promise.resolve()
    return new Promise((resolve) => this.#idle.push(resolve))
  }

  #schedule(): void {
    if (this.#scheduled || this.#running >= this.#options.lanes) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#start()
    })
  }

  #start(): void {
    while (this.#running < this.#options.lanes && this.#waiting.length > 0) {
      this.#running++
      void this.#run(this.#waiting.splice(0, this.#options.maxBatch))
    }
  }

  async #run(batch: Waiting<Item, Answer>[]): Promise<void> {
    try {
      const answers = await this.#options.run(batch.map((waiting) => waiting.item))
      batch.forEach((waiting, index) => {
        waiting.resolve(answers[index] as Answer)
      })
    } catch (error) {
      for (const waiting of batch) waiting.reject(error)
    } finally {
      this.#running--
      this.#start()
      if (this.#running === 0) for (const resolve of this.#idle.splice(0)) resolve()
    }
  }
}
