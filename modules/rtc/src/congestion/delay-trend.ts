import type { GroupDelta } from './arrival-groups.ts'
import { usPerMs } from './packet-result.ts'

/** What the queues on the way do. */
export type PathUse = 'normal' | 'overused' | 'underused'

const windowSize = 20
const smoothing = 0.9
const slopeGain = 4
const mostDeltas = 60
const initialThresholdMs = 12.5
const thresholdBoundsMs = [6, 600] as const
const thresholdUp = 0.0087
const thresholdDown = 0.039
/** A spike this far above the threshold does not move it. */
const spikeMs = 15
const overuseAfterMs = 10
/** Where packets wait no longer than this there is no queue any more, whatever the trend was. */
const leastQueueMs = 5
/** The shortest delay of the last one to two of these is that of the path without a queue. */
const baseMs = 30_000

interface Sample {
  readonly atMs: number
  readonly delayMs: number
}

/**
 * Sees queues fill by the slope of the one-way delay: a line through the last groups, against a threshold that adapts
 * so that flows with loss-based control beside us do not starve us (draft-ietf-rmcat-gcc-02, sections 5.3 to 5.5; the
 * line instead of the Kalman filter as in Carlucci et al., "Congestion Control for Web Real-Time Communication", 2017).
 */
export class DelayTrend {
  readonly #samples: Sample[] = []
  #firstArrivalUs: number | undefined
  #accumulatedMs = 0
  #smoothedMs = 0
  #deltas = 0
  #thresholdMs: number = initialThresholdMs
  #thresholdAtMs: number | undefined
  #overusingMs = 0
  #overuses = 0
  #slopeBefore = 0
  #use: PathUse = 'normal'
  #leastMs = 0
  #leastBeforeMs = Number.POSITIVE_INFINITY
  #leastSinceMs: number | undefined

  get use(): PathUse {
    return this.#use
  }

  /** Growth of the queue in milliseconds a millisecond, as last seen. */
  get slope(): number {
    return this.#slopeBefore
  }

  /** How long the last group waited more than the quickest of late. */
  get queueMs(): number {
    return this.#accumulatedMs - Math.min(this.#leastMs, this.#leastBeforeMs)
  }

  add({ sendDeltaUs, arrivalDeltaUs, arrivalUs }: GroupDelta): PathUse {
    const deltaMs = (arrivalDeltaUs - sendDeltaUs) / usPerMs
    this.#firstArrivalUs ??= arrivalUs
    this.#deltas = Math.min(mostDeltas, this.#deltas + 1)
    this.#accumulatedMs += deltaMs
    this.#noteLeast(arrivalUs / usPerMs)
    this.#smoothedMs = smoothing * this.#smoothedMs + (1 - smoothing) * this.#accumulatedMs
    this.#samples.push({ atMs: (arrivalUs - this.#firstArrivalUs) / usPerMs, delayMs: this.#smoothedMs })
    if (this.#samples.length > windowSize) this.#samples.shift()
    const slope = this.#samples.length === windowSize ? slopeOf(this.#samples) : this.#slopeBefore
    this.#judge(slope, sendDeltaUs / usPerMs, arrivalUs / usPerMs)
    return this.#use
  }

  /** Nothing was measured for a while: what was seen holds no longer. */
  rest(): void {
    this.#samples.length = 0
    this.#slopeBefore = 0
    this.#overusingMs = 0
    this.#overuses = 0
    this.#use = 'normal'
  }

  #judge(slope: number, sendDeltaMs: number, nowMs: number): void {
    const trend = this.#deltas * slope * slopeGain
    if (trend > this.#thresholdMs && this.queueMs > leastQueueMs) {
      this.#overusingMs += this.#overuses === 0 ? sendDeltaMs / 2 : sendDeltaMs
      this.#overuses += 1
      if (this.#overusingMs > overuseAfterMs && this.#overuses > 1 && slope >= this.#slopeBefore) {
        this.#overusingMs = 0
        this.#overuses = 0
        this.#use = 'overused'
      }
    } else {
      this.#overusingMs = 0
      this.#overuses = 0
      this.#use = trend < -this.#thresholdMs ? 'underused' : 'normal'
    }
    this.#slopeBefore = slope
    this.#adapt(Math.abs(trend), nowMs)
  }

  #noteLeast(nowMs: number): void {
    this.#leastSinceMs ??= nowMs
    this.#leastMs = Math.min(this.#leastMs, this.#accumulatedMs)
    if (nowMs - this.#leastSinceMs < baseMs) return
    this.#leastSinceMs = nowMs
    this.#leastBeforeMs = this.#leastMs
    this.#leastMs = this.#accumulatedMs
  }

  #adapt(trendMs: number, nowMs: number): void {
    const elapsedMs = Math.min(100, nowMs - (this.#thresholdAtMs ?? nowMs))
    this.#thresholdAtMs = nowMs
    if (trendMs > this.#thresholdMs + spikeMs) return
    const gain = trendMs < this.#thresholdMs ? thresholdDown : thresholdUp
    const moved = this.#thresholdMs + gain * (trendMs - this.#thresholdMs) * elapsedMs
    this.#thresholdMs = Math.min(thresholdBoundsMs[1], Math.max(thresholdBoundsMs[0], moved))
  }
}

/** Least squares. */
function slopeOf(samples: readonly Sample[]): number {
  let sumAt = 0
  let sumDelay = 0
  for (const { atMs, delayMs } of samples) {
    sumAt += atMs
    sumDelay += delayMs
  }
  const meanAt = sumAt / samples.length
  const meanDelay = sumDelay / samples.length
  let covariance = 0
  let variance = 0
  for (const { atMs, delayMs } of samples) {
    covariance += (atMs - meanAt) * (delayMs - meanDelay)
    variance += (atMs - meanAt) ** 2
  }
  return variance === 0 ? 0 : covariance / variance
}
