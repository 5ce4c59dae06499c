import { type RoomStatistics, recordsOf, type StatisticsSample, statisticsBetween } from './statistics.ts'

export interface StatisticsSamplerOptions {
  publish: () => Promise<RTCStatsReport | undefined>
  subscribe: () => Promise<RTCStatsReport | undefined>
  publicationOfMid: StatisticsSample['publicationOfMid']
  onStatistics: (statistics: RoomStatistics) => void
}

const periodMs = 2_000

/** Reads both connections each 2 s. It owns its timer. */
export class StatisticsSampler {
  readonly #options: StatisticsSamplerOptions
  #timer: ReturnType<typeof setInterval> | undefined
  #before: StatisticsSample | undefined
  #closed = false

  constructor(options: StatisticsSamplerOptions) {
    this.#options = options
  }

  start(): void {
    this.#timer ??= setInterval(() => {
      this.#sample().catch(() => undefined) // A connection that was closed meanwhile has no statistics.
    }, periodMs)
  }

  close(): void {
    this.#closed = true
    clearInterval(this.#timer)
  }

  async #sample(): Promise<void> {
    const [publish, subscribe] = await Promise.all([this.#options.publish(), this.#options.subscribe()])
    if (this.#closed) return
    const sample: StatisticsSample = {
      publish: recordsOf(publish),
      subscribe: recordsOf(subscribe),
      publicationOfMid: this.#options.publicationOfMid,
      atMs: Date.now(),
    }
    const statistics = statisticsBetween(this.#before, sample)
    const isFirst = this.#before === undefined
    this.#before = sample
    if (!isFirst) this.#options.onStatistics(statistics)
  }
}
