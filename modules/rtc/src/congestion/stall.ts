import { usPerMs } from './packet-result.ts'

/** Nothing arrived for so much longer than nothing was sent. */
const leastUs = 25 * usPerMs
/** The delay falls by this share of what was sent meanwhile, or nobody catches up. */
const catchingUp = 0.25
/** Of the delay, that has to be gone before another stall counts as part of this one. */
const againAfter = 0.3
const noiseUs = 5 * usPerMs
/** What takes longer is a queue, whoever caused it. */
const longestUs = 500 * usPerMs

interface Times {
  readonly sentUs: number
  readonly arrivalUs: number
}

/**
 * A time in which nothing arrived although packets were sent, and what waited through it coming in fast: a receiver
 * that was busy with something else, or a radio link that paused. While that catches up its delay says nothing of
 * queues; what is left of the delay when it is over does. Delay that does not fall, or rises again, is none of this.
 */
export class Stall {
  readonly #beforeUs: number
  readonly #beganUs: number
  #worst: Times
  #leastUs: number
  #over = false

  private constructor(before: Times, worst: Times) {
    this.#beforeUs = delayOf(before)
    this.#beganUs = worst.arrivalUs
    this.#worst = worst
    this.#leastUs = delayOf(worst)
  }

  /** The stall between two packets, if there was one. */
  static between(before: Times, sentUs: number, arrivalUs: number): Stall | undefined {
    const growthUs = arrivalUs - before.arrivalUs - (sentUs - before.sentUs)
    return growthUs >= leastUs ? new Stall(before, { sentUs, arrivalUs }) : undefined
  }

  /** What waited is all there. */
  get over(): boolean {
    return this.#over
  }

  /** Whether a packet is one of those that waited, or the last of them. */
  takes(sentUs: number, arrivalUs: number): boolean {
    if (arrivalUs - this.#beganUs > longestUs) return false
    const delayUs = arrivalUs - sentUs
    const worstUs = delayOf(this.#worst)
    if (delayUs > worstUs) {
      const caughtUp = worstUs - this.#leastUs >= againAfter * (worstUs - this.#beforeUs)
      if (!caughtUp) return false
      this.#worst = { sentUs, arrivalUs }
      this.#leastUs = delayUs
    } else if (delayUs > worstUs - catchingUp * (sentUs - this.#worst.sentUs) + noiseUs) return false
    this.#leastUs = Math.min(this.#leastUs, delayUs)
    this.#over = delayUs <= this.#beforeUs + noiseUs
    return true
  }
}

function delayOf({ sentUs, arrivalUs }: Times): number {
  return arrivalUs - sentUs
}
