import { asParleyError } from '../parley-error.ts'

export interface ReadTellerPorts {
  tell: (seq: number) => Promise<unknown>
  connected: () => boolean
}

/** Tells the server how far the user has read: only the newest wish, one request at a time. */
export class ReadTeller {
  readonly #ports: ReadTellerPorts
  #wantedSeq = 0
  #busy = false

  constructor(ports: ReadTellerPorts) {
    this.#ports = ports
  }

  /** What is still to be told; 0 when the server knows. */
  get wantedSeq(): number {
    return this.#wantedSeq
  }

  want(seq: number): Promise<void> {
    this.#wantedSeq = Math.max(this.#wantedSeq, seq)
    return this.tell()
  }

  /** What fails for now stays wanted, to be told on the next connection. */
  async tell(): Promise<void> {
    if (this.#busy || this.#wantedSeq === 0 || !this.#ports.connected()) return
    this.#busy = true
    try {
      for (let told = 0; told < this.#wantedSeq && this.#ports.connected(); ) {
        told = this.#wantedSeq
        await this.#ports.tell(told)
        if (told === this.#wantedSeq) this.#wantedSeq = 0
      }
    } catch (error) {
      if (!asParleyError(error, 'unreachable').retryable) this.#wantedSeq = 0
    } finally {
      this.#busy = false
    }
  }
}
