import type { Readable } from 'node:stream'
import { Silence } from './silence.ts'

export interface LifeSignsOptions {
  /** What the packet thread writes: a byte each 250 ms, its busy percent since the last. */
  pulse: Readable
  /** Asks the JavaScript thread for a sign, to be told by `hearScript`. */
  ping: () => void
  /** A packet thread that is silent for so long hangs. */
  silenceMs: number
  /** A JavaScript thread that is silent for so long hangs, though media flows. */
  scriptSilenceMs: number
  /** Called once: nothing more is to be expected. */
  onSilent: (thread: 'packets' | 'script') => void
}

const lookEveryMs = 250
/** Signs that busyness is the mean of: a second of them. */
const remembered = 4
/** A JavaScript thread that is late by this gets no new work where that can be helped. */
const lateMs = 2_000

/**
 * Watches over the two threads of a media worker process. The packet thread tells by itself that it gets on and how
 * busy it is; only that counts for media. The JavaScript thread, which may be late under load, answers pings.
 */
export class LifeSigns {
  readonly #options: LifeSignsOptions
  readonly #packets: Silence
  readonly #script: Silence
  readonly #timer: NodeJS.Timeout
  #judging: NodeJS.Immediate | undefined
  #asking = false
  #scriptSilentMs = 0
  #percents: number[] = []

  constructor(options: LifeSignsOptions) {
    this.#options = options
    const nowMs = performance.now()
    this.#packets = new Silence(lookEveryMs, nowMs)
    this.#script = new Silence(lookEveryMs, nowMs)
    options.pulse.on('data', (percents: Uint8Array) => {
      this.#packets.hear()
      this.#percents = [...this.#percents, ...percents.subarray(-remembered)].slice(-remembered)
    })
    // Its end comes with that of the process.
    options.pulse.on('error', () => undefined)
    this.#timer = setInterval(() => {
      // Whatever arrived while this process was elsewhere is read between its timers and this.
      this.#judging = setImmediate(() => this.#judge())
    }, lookEveryMs)
  }

  /** Share of the last second in which the packet thread did not wait, 0 to 1. */
  get busy(): number {
    const sum = this.#percents.reduce((total, percent) => total + percent, 0)
    return sum / Math.max(1, this.#percents.length) / 100
  }

  /** The JavaScript thread does not keep up: what it is told waits. */
  get late(): boolean {
    return this.#scriptSilentMs >= lateMs
  }

  /** The JavaScript thread said something. */
  hearScript(): void {
    this.#script.hear()
    this.#asking = false
  }

  close(): void {
    clearInterval(this.#timer)
    clearImmediate(this.#judging)
    this.#options.pulse.destroy()
  }

  #judge(): void {
    const { silenceMs, scriptSilenceMs, onSilent, ping } = this.#options
    const nowMs = performance.now()
    const packetsSilentMs = this.#packets.look(nowMs)
    this.#scriptSilentMs = this.#script.look(nowMs)
    if (packetsSilentMs >= silenceMs || this.#scriptSilentMs >= scriptSilenceMs) {
      clearInterval(this.#timer)
      onSilent(packetsSilentMs >= silenceMs ? 'packets' : 'script')
      return
    }
    // One at a time: those of a late thread would only wait for it.
    if (this.#asking) return
    this.#asking = true
    ping()
  }
}
