import { AppError } from '@parley/contracts'

/** Offers of one participant that wait for the one before. */
const maxTurns = 8

/** Runs one after the other what must not overtake: offers, whose guards take their time. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve()
  #waiting = 0

  /** Answers what `run` answers. @throws AppError `limit-exceeded` when too many wait */
  async take<T>(run: () => Promise<T>): Promise<T> {
    if (this.#waiting >= maxTurns) {
      throw new AppError('limit-exceeded', 'Earlier offers wait for their answers')
    }
    this.#waiting += 1
    const mine = this.#last.then(run, run)
    this.#last = mine.catch(() => undefined)
    try {
      return await mine
    } finally {
      this.#waiting -= 1
    }
  }
}
