import { usPerSecond } from './packet-result.ts'

/** Sending less than this share of the target counts as limited by the application. */
const share = 0.65
const windowSeconds = 0.5
/** Of the budget of a window that has to be left over to begin, and may be left over to end. */
const beginAt = 0.8
const endAt = 0.5

/** Tells when the application sends so much less than it may that the path is not tried out. */
export class ApplicationLimit {
  #budgetBytes = 0
  #lastUs: number | undefined
  #sinceUs: number | undefined

  /** Since when it is limited; undefined while it is not. */
  get sinceUs(): number | undefined {
    return this.#sinceUs
  }

  sent(bytes: number, atUs: number, targetBitrate: number): void {
    const limit = (targetBitrate * share * windowSeconds) / 8
    const elapsedUs = Math.max(0, atUs - (this.#lastUs ?? atUs))
    this.#lastUs = Math.max(atUs, this.#lastUs ?? atUs)
    const earned = (targetBitrate * share * elapsedUs) / 8 / usPerSecond
    this.#budgetBytes = Math.min(limit, Math.max(-limit, this.#budgetBytes + earned - bytes))
    const left = limit === 0 ? 0 : this.#budgetBytes / limit
    if (left > beginAt) this.#sinceUs ??= atUs
    else if (left < endAt) this.#sinceUs = undefined
  }
}
