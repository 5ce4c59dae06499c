/** How far a backup or restore is. */
export interface ProgressReport {
  /** 0 to 1 over all of it; by size, so an estimate. */
  fraction: number
  rows: number
  bytes: number
  objects: number
  /** What it is busy with. */
  activity: string
  /** Undefined until it can be told. Milliseconds. */
  etaMs: number | undefined
}

/** Adds up what was done against what is to be done. */
export class ProgressMeter {
  readonly #expected = new Map<string, number>()
  readonly #report: (report: ProgressReport) => void
  readonly #startedAt = performance.now()
  #doneWeight = 0
  #tableWeight = 0
  #tableBytes = 0
  #rows = 0
  #bytes = 0
  #objects = 0
  #skippedWeight = 0
  #activity = ''

  constructor(report: (report: ProgressReport) => void) {
    this.#report = report
  }

  expect(kind: 'database' | 'objects', bytes: number): void {
    this.#expected.set(kind, bytes)
  }

  /** A table begins that weighs so much; the answer ends it. */
  table(name: string, weight: number): (rows: number) => void {
    this.#activity = name
    this.#tableWeight = weight
    this.#tableBytes = 0
    this.#tell()
    return (rows) => {
      this.#rows += rows
      this.#doneWeight += weight
      this.#tableWeight = 0
      this.#tell()
    }
  }

  read(bytes: number): void {
    this.#bytes += bytes
    this.#tableBytes += bytes
    this.#tell()
  }

  /** An object is done; `copied` is false for one that was there from an earlier run. */
  object(bytes: number, copied: boolean): void {
    this.#activity = 'objects'
    this.#objects++
    this.#doneWeight += bytes
    if (copied) this.#bytes += bytes
    else this.#skippedWeight += bytes
    this.#tell()
  }

  get totals(): { rows: number; bytes: number; objects: number } {
    return { rows: this.#rows, bytes: this.#bytes, objects: this.#objects }
  }

  #tell(): void {
    const total = [...this.#expected.values()].reduce((sum, bytes) => sum + bytes, 0)
    const done = this.#doneWeight + Math.min(this.#tableWeight, this.#tableBytes)
    const fraction = total === 0 ? 0 : Math.min(1, done / total)
    const worked = done - this.#skippedWeight
    const elapsed = performance.now() - this.#startedAt
    const etaMs = worked > 0 && elapsed > 1_000 ? (elapsed / worked) * Math.max(0, total - done) : undefined
    const { rows, bytes, objects } = this.totals
    this.#report({ fraction, rows, bytes, objects, activity: this.#activity, etaMs })
  }
}
