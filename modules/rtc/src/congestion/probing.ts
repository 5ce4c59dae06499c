import { usPerMs, usPerSecond } from './packet-result.ts'
import type { PacketResults } from './packet-results.ts'

const firstFactors = [3, 6]
/** A result above this share of the probe earns the next one, of twice the result. */
const nextShare = 0.7
const nextFactor = 2
const limitedEveryMs = 5_000
/** The same of a path on which nothing waits while a better picture is waited for, however much is sent. */
const emptyEveryMs = 5_000
/** Sooner where less than half of what is wanted can be sent: somebody waits for a picture, or for a better one. */
const starvedEveryMs = 2_000
const recoverWithinMs = 5_000
const recoverShare = 0.85
/** A drop this deep is worth asking whether it was an accident. */
const deepDrop = 0.66
const resultWithinMs = 1_000
/** What a probe left standing on the path has gone after so long. */
const drainedWithinMs = 300
const probeMs = 20
const leastPackets = 6
const packetBytes = 1_000
/** Slower than this nothing is tried out: it would bring no picture back. */
const leastBitrate = 300_000
/** Of the packets of a probe, that have to arrive. */
const leastReceived = 0.8
const lastingShare = 0.9
const drainedShare = 0.95

export interface Probe {
  /** At least so many bytes ... */
  readonly bytes: number
  /** ... at this rate, in bits a second. */
  readonly bitrate: number
}

interface ProbeResult {
  readonly sizeBytes: number
  readonly sentAtUs: number
  /** NaN when it did not arrive. */
  readonly receivedAtUs: number
}

interface RunningProbe extends Probe {
  readonly beganAtMs: number
  readonly sentFromUs: number
  readonly results: ProbeResult[]
  readonly continues: boolean
  /** What the application sent when it began. */
  readonly beside: 'little' | 'all it may'
}

export interface ProbingInput {
  readonly nowMs: number
  readonly target: number
  /** More than this is of no use: what all that could be sent would take. */
  readonly wanted: number
  readonly limitedSinceMs: number | undefined
  /** Since when nothing waits on the path, however much is sent. */
  readonly emptySinceMs: number | undefined
  readonly overused: boolean
}

/**
 * Decides when the path is tried with more than is sent, and reads what came of it: at the beginning, periodically
 * while little is sent, and after a deep drop. Also the only way up from a state in which everything is paused.
 */
export class Probing {
  readonly #max: number
  #running: RunningProbe | undefined
  #next: { bitrate: number; continues: boolean }[] = []
  #began = false
  #askedAtMs = Number.NEGATIVE_INFINITY
  #endedAtMs = Number.NEGATIVE_INFINITY
  #dropped: { atMs: number; from: number } | undefined

  constructor(max: number) {
    this.#max = max
  }

  /** Little is sent, and the queue that is seen now may be that of a probe. */
  queues(nowMs: number): boolean {
    return this.#running?.beside === 'little' || nowMs - this.#endedAtMs < drainedWithinMs
  }

  /** The rate fell from one value to another by what the delay told. */
  noteDrop(from: number, to: number, nowMs: number): void {
    if (to < deepDrop * from) this.#dropped = { atMs: nowMs, from }
    this.#next = []
  }

  /** The probe to send now, if any; one runs at a time. `nowUs` is the clock of sent packets. */
  next(input: ProbingInput, nowUs: number): Probe | undefined {
    const { nowMs } = input
    if (this.#running && nowMs - this.#running.beganAtMs > resultWithinMs) this.#running = undefined
    if (this.#running !== undefined || input.overused) return undefined
    this.#plan(input)
    const planned = this.#next.shift()
    if (planned === undefined) return undefined
    const most = Math.min(this.#max, Math.max(input.wanted * 2, input.target))
    const bitrate = Math.min(planned.bitrate, most)
    if (bitrate <= input.target) {
      this.#next = []
      return undefined
    }
    const bytes = Math.max(leastPackets * packetBytes, Math.ceil((bitrate * probeMs) / 8_000))
    const continues = planned.continues && bitrate === planned.bitrate
    const beside = input.limitedSinceMs !== undefined || isEmpty(input) ? 'little' : 'all it may'
    this.#running = { bytes, bitrate, continues, beside, beganAtMs: nowMs, sentFromUs: nowUs, results: [] }
    return { bytes, bitrate }
  }

  /** Answers what the path carried once the running probe is known; `inherentLoss` is not held against it. */
  handle(results: PacketResults, inherentLoss: number, nowMs: number): number | undefined {
    const probe = this.#running
    if (probe === undefined) return undefined
    for (let index = 0; index < results.length; index++) {
      const sentAtUs = results.sentAtUs[index] ?? 0
      if (sentAtUs < probe.sentFromUs) continue
      const sizeBytes = results.sizeBytes[index] ?? 0
      probe.results.push({ sizeBytes, sentAtUs, receivedAtUs: results.receivedAtUs[index] ?? Number.NaN })
    }
    const measured = measure(probe, inherentLoss)
    if (measured === undefined) return undefined
    this.#running = undefined
    if (probe.beside === 'little') this.#endedAtMs = nowMs
    if (probe.continues && measured > nextShare * probe.bitrate) {
      this.#next = [{ bitrate: measured * nextFactor, continues: true }]
    } else this.#next = []
    return measured
  }

  #plan(input: ProbingInput): void {
    const { nowMs, target, wanted } = input
    if (this.#next.length > 0) return
    if (!this.#began) {
      this.#began = true
      this.#next = firstFactors.map((factor) => ({ bitrate: factor * target, continues: true }))
      return
    }
    const dropped = this.#dropped
    if (dropped && nowMs - dropped.atMs > 1_000) {
      this.#dropped = undefined
      if (nowMs - dropped.atMs < recoverWithinMs) {
        this.#next = [{ bitrate: dropped.from * recoverShare, continues: false }]
        return
      }
    }
    if (target >= wanted || !this.#isDue(input)) return
    this.#askedAtMs = nowMs
    this.#next = [{ bitrate: Math.max(leastBitrate, target * nextFactor), continues: true }]
  }

  /** Whether there may have been room for long enough that nothing shows. */
  #isDue(input: ProbingInput): boolean {
    const { nowMs, limitedSinceMs = Number.POSITIVE_INFINITY } = input
    const sinceMs = nowMs - this.#askedAtMs
    if (isEmpty(input) && sinceMs >= emptyEveryMs) return true
    return Math.min(sinceMs, nowMs - limitedSinceMs) >= (isStarved(input) ? starvedEveryMs : limitedEveryMs)
  }
}

function isStarved({ target, wanted }: ProbingInput): boolean {
  return target < wanted / 2
}

/**
 * A screen comes in bursts, so that its sender is seldom limited for long and yet does not fill the path. What waits on one that
 * was empty until then is the probe.
 */
function isEmpty(input: ProbingInput): boolean {
  return isStarved(input) && input.nowMs - (input.emptySinceMs ?? input.nowMs) >= emptyEveryMs
}

/** The lower of how fast it left and how fast it arrived; undefined until enough of it is known. */
function measure({ bytes, results }: RunningProbe, inherentLoss: number): number | undefined {
  const cluster: ProbeResult[] = []
  let sent = 0
  for (const result of results) {
    if (sent >= bytes) break
    cluster.push(result)
    sent += result.sizeBytes
  }
  if (sent < bytes) return undefined
  const passed = 1 - inherentLoss
  const arrivals = cluster.flatMap(({ receivedAtUs, sizeBytes }) =>
    Number.isNaN(receivedAtUs) ? [] : [{ atUs: receivedAtUs, sizeBytes }],
  )
  if (arrivals.length < leastReceived * passed * cluster.length || arrivals.length < 2) return undefined
  arrivals.sort((one, other) => one.atUs - other.atUs)
  const sendRate = rateOf(cluster.map(({ sentAtUs, sizeBytes }) => ({ atUs: sentAtUs, sizeBytes })))
  const arrivalRate = rateOf(arrivals) / passed
  return arrivalRate < lastingShare * sendRate ? drainedShare * arrivalRate : Math.min(sendRate, arrivalRate)
}

function rateOf(packets: readonly { atUs: number; sizeBytes: number }[]): number {
  const first = packets[0]
  const last = packets.at(-1)
  if (first === undefined || last === undefined) return 0
  const bytes = packets.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) - first.sizeBytes
  return (bytes * 8 * usPerSecond) / Math.max(usPerMs, last.atUs - first.atUs)
}
