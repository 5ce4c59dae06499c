import { performance } from 'node:perf_hooks'

export interface GeneratorLoad {
  /** Share of the time its event loop was not idle. */
  busy: number
  /** Processor time a second. */
  cores: number
  /** How late its timers ran, at worst. Milliseconds. */
  lagMs: number
  /** True when the figures say more about the generator than about the server. */
  bottleneck: boolean
}

const saturated = 0.85
const tickMs = 20

/** Watches this process while it makes load. */
export class GeneratorWatch {
  readonly #cpu = process.cpuUsage()
  readonly #loop = performance.eventLoopUtilization()
  readonly #startedAt = performance.now()
  readonly #timer: NodeJS.Timeout
  #lagMs = 0

  constructor() {
    let due = performance.now() + tickMs
    this.#timer = setInterval(() => {
      const now = performance.now()
      this.#lagMs = Math.max(this.#lagMs, now - due)
      due = now + tickMs
    }, tickMs)
  }

  stop(): GeneratorLoad {
    clearInterval(this.#timer)
    const seconds = (performance.now() - this.#startedAt) / 1000
    const { user, system } = process.cpuUsage(this.#cpu)
    const busy = performance.eventLoopUtilization(this.#loop).utilization
    const cores = (user + system) / 1e6 / seconds
    return { busy, cores, lagMs: this.#lagMs, bottleneck: busy > saturated }
  }
}
