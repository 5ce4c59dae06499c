interface Circuit {
  failures: number
  /** Nobody is asked before this; monotonic milliseconds. */
  closedAtMs: number
}

export interface CircuitBreakerOptions {
  /** Failures in a row that open the circuit. */
  failures: number
  pauseMs: number
  now?: () => number
}

/** Leaves a service alone that keeps failing: after the pause one try decides whether it is asked again. */
export class CircuitBreaker {
  readonly #options: CircuitBreakerOptions
  readonly #now: () => number
  /** Only of services that failed. */
  readonly #circuits = new Map<string, Circuit>()

  constructor(options: CircuitBreakerOptions) {
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
  }

  /** Whether to ask; the first to ask after a pause closes the door behind itself until its answer is known. */
  admits(key: string): boolean {
    const circuit = this.#circuits.get(key)
    if (circuit === undefined || circuit.failures < this.#options.failures) return true
    if (this.#now() < circuit.closedAtMs) return false
    circuit.closedAtMs = this.#now() + this.#options.pauseMs
    return true
  }

  succeeded(key: string): void {
    this.#circuits.delete(key)
  }

  failed(key: string): void {
    const circuit = this.#circuits.get(key) ?? { failures: 0, closedAtMs: 0 }
    circuit.failures++
    if (circuit.failures >= this.#options.failures) circuit.closedAtMs = this.#now() + this.#options.pauseMs
    this.#circuits.set(key, circuit)
  }
}
