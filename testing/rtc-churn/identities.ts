/** Whose frames belong to which publication, over all rooms of a run, and what was received that does not. */
export class Identities {
  readonly wrong: string[] = []
  /** Frames on connections that ended. */
  frames = 0
  #last = 0
  #streams = 0
  readonly #byPublication = new Map<string, number>()

  /** Received streams that were held against what was told of them. */
  get streams(): number {
    return this.#streams
  }

  next(): number {
    this.#last += 1
    return this.#last
  }

  name(publicationId: string, identity: number): void {
    this.#byPublication.set(publicationId, identity)
  }

  /** Holds what came on one SSRC against the publication that the offer named for it. */
  check(who: string, ssrc: number, publicationId: string | undefined, came: readonly number[]): void {
    if (came.length === 0) return
    this.#streams += 1
    const expected = publicationId === undefined ? undefined : this.#byPublication.get(publicationId)
    if (came.length === 1 && came[0] === expected) return
    this.wrong.push(`${who}: SSRC ${ssrc} for ${publicationId} (${expected}) carried ${came.join(', ')}`)
  }
}
