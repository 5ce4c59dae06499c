/**
 * Lets tasks of one key pass in the order they came, however long each takes to prepare. Preparing runs side by
 * side; the next task passes once the one before was passed on (not answered). One sender's messages keep their
 * order by it.
 */
export class Turnstile {
  readonly #last = new Map<string, Promise<unknown>>()

  async run<Prepared, Answer>(
    key: string,
    prepare: () => Promise<Prepared>,
    pass: (prepared: Prepared) => Promise<Answer>,
  ): Promise<Answer> {
    const turn = Promise.allSettled([prepare(), this.#last.get(key)]).then(([prepared]) => {
      if (prepared.status === 'rejected') throw prepared.reason
      return { answer: pass(prepared.value) } // wrapped, so that the turn does not wait for the answer
    })
    this.#last.set(key, turn)
    try {
      const { answer } = await turn
      return await answer
    } finally {
      if (this.#last.get(key) === turn) this.#last.delete(key)
    }
  }
}
