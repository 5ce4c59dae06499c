/** `open`: not asked; `half-open`: one question finds out whether it answers again. */
export type CircuitState = 'closed' | 'open' | 'half-open'

export interface CircuitBreakerOptions {
  /** Silences in a row that open a circuit. */
  threshold: number
  /** How long nobody is asked then. Milliseconds. */
  coolingMs: number
  /** A circuit was opened or closed by what this process saw. */
  onChange?: (endpointId: string, state: 'open' | 'closed') => void
  /** Milliseconds on a clock that only moves forward. */
  now?: () => number
}

interface Circuit {
  silences: number
  /** Set while it is open. */
  coolUntilMs: number | undefined
  probing: boolean
}

/**
 * Keeps a receiver that has gone silent from costing each question its whole deadline: after a row of timeouts nobody
 * asks it for a while, then one question does, and its answer decides.
 */
export class CircuitBreaker {
  readonly #options: CircuitBreakerOptions
  readonly #now: () => number
  /** Those with a silence behind them; an answer removes its entry. */
  readonly #circuits = new Map<string, Circuit>()

  constructor(options: CircuitBreakerOptions) {
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
  }

  /** How many are not closed. */
  get openCount(): number {
    let count = 0
    for (const { coolUntilMs } of this.#circuits.values()) if (coolUntilMs !== undefined) count++
    return count
  }

  state(endpointId: string): CircuitState {
    const circuit = this.#circuits.get(endpointId)
    if (circuit?.coolUntilMs === undefined) return 'closed'
    return this.#now() < circuit.coolUntilMs ? 'open' : 'half-open'
  }

  /** Whether to ask. Whoever may must tell how it went. */
  admits(endpointId: string): boolean {
    const circuit = this.#circuits.get(endpointId)
    if (circuit?.coolUntilMs === undefined) return true
    if (circuit.probing || this.#now() < circuit.coolUntilMs) return false
    circuit.probing = true
    return true
  }

  /** It said something, be it an error. */
  answered(endpointId: string): void {
    const circuit = this.#circuits.get(endpointId)
    if (circuit === undefined) return
    this.#circuits.delete(endpointId)
    if (circuit.coolUntilMs !== undefined) this.#options.onChange?.(endpointId, 'closed')
  }

  /** It did not answer in time. */
  silent(endpointId: string): void {
    const fresh: Circuit = { silences: 0, coolUntilMs: undefined, probing: false }
    const circuit = this.#circuits.get(endpointId) ?? fresh
    this.#circuits.set(endpointId, circuit)
    circuit.silences++
    const opened = circuit.coolUntilMs !== undefined
    // Questions that were under way when it opened say nothing new.
    if (circuit.silences < this.#options.threshold || (opened && !circuit.probing)) return
    this.#open(circuit)
    if (!opened) this.#options.onChange?.(endpointId, 'open')
  }

  /** What another process saw, or that the receiver is another one now. */
  adopt(endpointId: string, state: 'open' | 'closed'): void {
    if (state === 'closed') {
      this.#circuits.delete(endpointId)
      return
    }
    const circuit: Circuit = { silences: this.#options.threshold, coolUntilMs: undefined, probing: false }
    this.#open(circuit)
    this.#circuits.set(endpointId, circuit)
  }

  #open(circuit: Circuit): void {
    circuit.coolUntilMs = this.#now() + this.#options.coolingMs
    circuit.probing = false
  }
}
