import { SharedBatches } from './shared-batches.ts'

/** Whoever has something to write. */
export interface Writer {
  /** The slot of time in which it last wrote without waiting. */
  writeSlot: number
  /** In which lists of the rounds it stands. */
  awaitsUrgentRound: boolean
  awaitsRound: boolean
  flush(batches: SharedBatches): void
}

export interface WriteRoundsOptions {
  /** How long writes are collected under load. Milliseconds. */
  slotMs: number
  /** Longest distance between two rounds that carry events only. Milliseconds. */
  ceilingMs: number
}

/** Writes of one slot that go out at once; the rest of the slot is collected. */
const directWritesPerSlot = 32
const sliceMs = 8
const sliceCheckEvery = 64

/**
 * Decides when connections write. At rest everything goes out at once. Once a slot has seen a few writes, the
 * others wait for its end: answers for the end of this slot, events for the next round. A round that took long is
 * followed by a pause of twice its time, so that writing leaves two thirds of the processor to the rest, and each
 * connection gets more events in one write instead. Long rounds are cut into slices between which other work runs.
 */
export class WriteRounds {
  readonly #slotMs: number
  readonly #ceilingMs: number
  readonly #batches = new SharedBatches()
  #urgent: Writer[] = []
  #waiting: Writer[] = []
  #slot = 1
  #directWrites = 0
  #timer: NodeJS.Timeout | undefined
  #slice: NodeJS.Immediate | undefined
  #nextRoundAtMs = 0
  #pauseMs = 0
  #closed = false

  constructor(options: WriteRoundsOptions) {
    this.#slotMs = options.slotMs
    this.#ceilingMs = Math.max(options.ceilingMs, options.slotMs)
  }

  /** The present distance between rounds. Milliseconds. */
  get pauseMs(): number {
    return this.#pauseMs
  }

  /** True when the writer may write now; else it asks for a round. */
  mayWriteNow(writer: Writer): boolean {
    if (this.#timer === undefined) this.#openSlot()
    if (writer.writeSlot === this.#slot || this.#directWrites >= directWritesPerSlot) return false
    writer.writeSlot = this.#slot
    this.#directWrites++
    return true
  }

  /** Writes at once. */
  flushNow(writer: Writer): void {
    writer.flush(this.#batches)
    this.#batches.clear()
  }

  ask(writer: Writer, urgent: boolean): void {
    if (urgent && !writer.awaitsUrgentRound) {
      writer.awaitsUrgentRound = true
      this.#urgent.push(writer)
    } else if (!urgent && !writer.awaitsRound) {
      writer.awaitsRound = true
      this.#waiting.push(writer)
    }
    if (this.#timer === undefined) this.#openSlot()
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    clearImmediate(this.#slice)
    this.#timer = undefined
    this.#urgent = []
    this.#waiting = []
    this.#batches.clear()
  }

  #openSlot(): void {
    if (this.#closed) return
    this.#slot = (this.#slot + 1) & 0x3fffffff
    this.#directWrites = 0
    this.#timer = setTimeout(() => {
      this.#endSlot()
    }, this.#slotMs)
  }

  #endSlot(): void {
    this.#timer = undefined
    this.#flushUrgent()
    if (this.#waiting.length > 0 && performance.now() >= this.#nextRoundAtMs) {
      const round = this.#waiting
      this.#waiting = []
      // Keeps the end of a slot from starting another round before the slices of this one are through.
      this.#nextRoundAtMs = Number.POSITIVE_INFINITY
      this.#runSlice(round, 0, 0)
    }
    if (this.#waiting.length > 0 || this.#urgent.length > 0) this.#openSlot()
  }

  #flushUrgent(): void {
    const urgent = this.#urgent
    if (urgent.length === 0) return
    this.#urgent = []
    for (const writer of urgent) {
      writer.awaitsUrgentRound = false
      writer.flush(this.#batches)
    }
    this.#batches.clear()
  }

  #runSlice(round: readonly Writer[], from: number, spentMs: number): void {
    const startedMs = performance.now()
    let elapsedMs = 0
    let index = from
    for (; index < round.length && elapsedMs < sliceMs; index++) {
      const writer = round[index]
      if (writer === undefined) continue
      writer.awaitsRound = false
      writer.flush(this.#batches)
      if ((index - from) % sliceCheckEvery === sliceCheckEvery - 1) elapsedMs = performance.now() - startedMs
    }
    const totalMs = spentMs + performance.now() - startedMs
    if (index < round.length) {
      this.#slice = setImmediate(() => {
        this.#runSlice(round, index, totalMs)
      })
      return
    }
    this.#batches.clear()
    this.#pauseMs = Math.min(Math.max(totalMs * 2, this.#slotMs), this.#ceilingMs)
    this.#nextRoundAtMs = performance.now() + this.#pauseMs - this.#slotMs
  }
}
