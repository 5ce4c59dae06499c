import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

export interface MetricOptions<Label extends string> {
  /** Without the `parley_` in front; with the unit at the end (`_seconds`, `_bytes`, `_total`). */
  name: string
  help: string
  labels?: readonly Label[]
}

export interface GaugeOptions<Label extends string> extends MetricOptions<Label> {
  /** Asked at every scrape, instead of being set. */
  read?: () => number
  /** The same for a gauge with labels: all the values there are now. */
  readEach?: () => Iterable<{ labels: Record<Label, string>; value: number }>
}

export interface HistogramOptions<Label extends string> extends MetricOptions<Label> {
  buckets: readonly number[]
}

/** Upper bounds for the time of calls that should take milliseconds. Seconds. */
export const callSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const

/** Upper bounds for sizes, from a short message to a large file. Bytes. */
export const sizeBytes = [256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576, 16_777_216] as const

/**
 * The metrics of one process, in the Prometheus text format. Labels take few values: never an id, an address or
 * anything else that comes from outside. Each part makes its metrics once, in its constructor.
 */
export class Metrics {
  readonly #registry = new Registry()

  counter<const Label extends string = never>(options: MetricOptions<Label>): Counter<Label> {
    return new Counter<Label>({ ...this.#base(options) })
  }

  gauge<const Label extends string = never>(options: GaugeOptions<Label>): Gauge<Label> {
    const { read, readEach } = options
    if (read === undefined && readEach === undefined) return new Gauge<Label>(this.#base(options))
    return new Gauge<Label>({
      ...this.#base(options),
      collect() {
        if (read !== undefined) this.set(read())
        if (readEach === undefined) return
        this.reset()
        for (const { labels, value } of readEach()) this.set(labels, value)
      },
    })
  }

  histogram<const Label extends string = never>(options: HistogramOptions<Label>): Histogram<Label> {
    return new Histogram<Label>({ ...this.#base(options), buckets: [...options.buckets] })
  }

  /** Adds CPU, memory, event loop and garbage collection of this process. Called once, by its owner. */
  collectProcess(): void {
    collectDefaultMetrics({ register: this.#registry, prefix: 'parley_' })
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  /** The page that Prometheus scrapes. */
  render(): Promise<string> {
    return this.#registry.metrics()
  }

  #base<Label extends string>(options: MetricOptions<Label>) {
    return {
      name: `parley_${options.name}`,
      help: options.help,
      labelNames: [...(options.labels ?? [])],
      registers: [this.#registry],
    }
  }
}
