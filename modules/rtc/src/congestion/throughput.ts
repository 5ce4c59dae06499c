import { type PacketResult, usPerMs, usPerSecond } from './packet-result.ts'

const firstWindowUs = 500 * usPerMs
const windowUs = 150 * usPerMs
/** A gap this long begins a new window; nothing was being sent. */
const gapUs = 2 * usPerSecond

/**
 * Bits a second that arrive, from windows of acknowledged packets; a window that differs from what was expected moves
 * the estimate the less, the further it is off, as in a Bayesian update.
 */
export class Throughput {
  #bitrate: number | undefined
  #variance = 50
  #windowBeginUs: number | undefined
  #windowBytes = 0
  #lastUs = 0

  /** Undefined until the first window is full. */
  get bitrate(): number | undefined {
    return this.#bitrate
  }

  add({ receivedAtUs, sizeBytes }: PacketResult, limitedByApplication: boolean): void {
    if (receivedAtUs === undefined) return
    if (this.#windowBeginUs === undefined || receivedAtUs - this.#lastUs > gapUs) this.#begin(receivedAtUs)
    const elapsedUs = receivedAtUs - (this.#windowBeginUs ?? receivedAtUs)
    const length = this.#bitrate === undefined ? firstWindowUs : windowUs
    if (elapsedUs >= length) {
      this.#take((this.#windowBytes * 8 * usPerSecond) / elapsedUs, limitedByApplication)
      this.#begin(receivedAtUs)
    }
    this.#windowBytes += sizeBytes
    this.#lastUs = Math.max(this.#lastUs, receivedAtUs)
  }

  /** A pause of the application says nothing about the path: the next window counts more. */
  expectFastChange(): void {
    this.#variance += 200
  }

  #begin(atUs: number): void {
    this.#windowBeginUs = atUs
    this.#windowBytes = 0
    this.#lastUs = atUs
  }

  #take(sample: number, limitedByApplication: boolean): void {
    const known = this.#bitrate
    if (known === undefined) {
      this.#bitrate = sample
      return
    }
    // An application that sends less shows less; what it could send is not smaller for it.
    const scale = limitedByApplication && sample < known ? 20 : 10
    const deviation = (scale * Math.abs(known - sample)) / (known + Math.min(sample, known / 4))
    const sampleVariance = deviation ** 2
    const predicted = this.#variance + 5
    this.#bitrate = (sampleVariance * known + predicted * sample) / (sampleVariance + predicted)
    this.#variance = (sampleVariance * predicted) / (sampleVariance + predicted)
  }
}
