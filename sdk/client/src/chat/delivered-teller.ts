import { ReadTeller, type ReadTellerPorts } from './read-teller.ts'

/** Receipts of what arrives within this time are one. */
const gatherMs = 1_000

/** Tells the server up to where entries have reached this device: late and together, never one by one. */
export class DeliveredTeller {
  readonly #teller: ReadTeller
  #seq = 0
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(ports: ReadTellerPorts) {
    this.#teller = new ReadTeller(ports)
  }

  want(seq: number): void {
    if (seq <= this.#seq) return
    this.#seq = seq
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      void this.#teller.want(this.#seq)
    }, gatherMs)
  }

  /** What could not be told without a connection. */
  tell(): Promise<void> {
    return this.#teller.tell()
  }

  /** Reading tells more than delivery does. */
  passed(seq: number): void {
    this.#seq = Math.max(this.#seq, seq)
  }

  close(): void {
    clearTimeout(this.#timer)
  }
}
