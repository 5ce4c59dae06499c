import { usPerMs } from './packet-result.ts'
import type { PacketResults } from './packet-results.ts'

const observationUs = 250 * usPerMs
const mostObservations = 20
const weightFactor = 0.9
/** Of the newest observation, of the one before it, and so on. */
const weights = Float64Array.from({ length: mostObservations }, (_, age) => weightFactor ** age)
const newtonSteps = 2
const inherentBounds = { min: 1e-6, max: 0.9 }
const candidateFactors = [1.02, 1, 0.95]
/** More lost than this is fitted from what is seen as well. */
const badLoss = 0.2
/** Bits in favour of the higher candidate, so that equal ones do not keep us low. */
const highBandwidthBias = 0.0002
/**
 * So much more likely, as a logarithm, has a limit to be than none. By chance alone the windows in which more was sent have often
 * lost more: of 50 packets at a loss of 70 %, 7 more or fewer. Asked where dips can show it.
 */
const doubt = 3
const longQueueMs = 60
/**
 * While more than this is lost, the rate dips for a window now and then: loss that follows it tells itself apart from
 * loss that does not.
 */
const dipAboveLoss = 0.05
const dipEveryWindows = 12
const dipFactor = 0.6
/** Loss above this in the last window keeps the rate from growing faster than what arrives. */
const growthLossLimit = 0.02

interface Model {
  bitrate: number
  /** Loss of the path itself, whatever we send. */
  inherentLoss: number
}

/**
 * The bitrate that losses allow. Two causes explain what was lost in the last windows: loss inherent to the path, and
 * sending more than the path carries. The most likely of a few candidates wins, so that random loss, as of radio links,
 * does not push the rate down while loss that follows the rate does.
 */
export class LossRate {
  readonly #bounds: { min: number; max: number }
  /** Of the last windows, the oldest first, a column a property. */
  readonly #windows = {
    count: 0,
    packets: new Float64Array(mostObservations),
    lost: new Float64Array(mostObservations),
    sendBitrates: new Float64Array(mostObservations),
  }
  #averageLoss = 0
  #best: Model
  #packets = 0
  #lost = 0
  #bytes = 0
  #beginUs: number | undefined
  #endUs = 0
  #limited = false
  #windowsSinceDip = 0

  constructor(initial: number, bounds: { min: number; max: number }) {
    this.#best = { bitrate: initial, inherentLoss: 0.01 }
    this.#bounds = bounds
  }

  /** Undefined while losses do not limit. */
  get bitrate(): number | undefined {
    if (this.#dipping) return this.#best.bitrate * dipFactor
    return this.#limited ? this.#best.bitrate : undefined
  }

  /** Share of packets that the path loses whatever is sent. */
  get inherentLoss(): number {
    return this.#best.inherentLoss
  }

  /** Share of packets lost in the windows that are kept, newest first in weight. */
  get averageLoss(): number {
    return this.#averageLoss
  }

  /**
   * `delayBitrate`: what the delay allows, the ceiling of every candidate. `queueMs`: how long packets wait on the path now.
   */
  update(
    results: PacketResults,
    delayBitrate: number,
    throughput: number | undefined,
    { limitedByApplication, queueMs }: { limitedByApplication: boolean; queueMs: number },
  ): void {
    this.#count(results)
    if (this.#beginUs === undefined || this.#endUs - this.#beginUs < observationUs || this.#packets === 0)
      return
    this.#observe()
    this.#windowsSinceDip = this.#dipping || this.#averageLoss < dipAboveLoss ? 0 : this.#windowsSinceDip + 1
    // Losses behind a long queue are those of a full path.
    const asked = this.#averageLoss > dipAboveLoss && queueMs < longQueueMs ? doubt : 0
    const best = this.#mostLikely(delayBitrate, throughput, asked)
    const ceiling =
      // What an application does not send says nothing about what would arrive.
      throughput !== undefined &&
      !limitedByApplication &&
      this.#averageLoss > growthLossLimit &&
      best.bitrate > this.#best.bitrate
        ? Math.max(this.#best.bitrate, 1.2 * throughput)
        : Number.POSITIVE_INFINITY
    this.#best = { bitrate: this.#clamp(Math.min(best.bitrate, ceiling)), inherentLoss: best.inherentLoss }
    this.#limited = this.#best.bitrate < delayBitrate * 0.999
  }

  /** A probe has shown what the path carries. */
  raise(bitrate: number): void {
    if (bitrate > this.#best.bitrate) this.#best.bitrate = this.#clamp(bitrate)
  }

  get #dipping(): boolean {
    return this.#windowsSinceDip >= dipEveryWindows
  }

  #count({ length, sentAtUs, receivedAtUs, sizeBytes, late }: PacketResults): void {
    for (let index = 0; index < length; index++) {
      if (late[index] === 1) {
        // Counted as lost before; it was only slow.
        this.#lost = Math.max(0, this.#lost - 1)
        continue
      }
      const sentUs = sentAtUs[index] ?? 0
      this.#beginUs ??= sentUs
      this.#endUs = Math.max(this.#endUs, sentUs)
      this.#packets += 1
      this.#bytes += sizeBytes[index] ?? 0
      if (Number.isNaN(receivedAtUs[index])) this.#lost += 1
    }
  }

  #observe(): void {
    const elapsedUs = this.#endUs - (this.#beginUs ?? this.#endUs)
    const windows = this.#windows
    const { packets, lost, sendBitrates } = windows
    if (windows.count < mostObservations) windows.count += 1
    else for (const column of [packets, lost, sendBitrates]) column.copyWithin(0, 1)
    const newest = windows.count - 1
    packets[newest] = this.#packets
    lost[newest] = this.#lost
    sendBitrates[newest] = (this.#bytes * 8e6) / Math.max(elapsedUs, observationUs)
    this.#packets = 0
    this.#lost = 0
    this.#bytes = 0
    this.#beginUs = undefined
    let allPackets = 0
    let allLost = 0
    for (let index = 0; index <= newest; index++) {
      const weight = weights[newest - index] ?? 0
      allPackets += weight * (packets[index] ?? 0)
      allLost += weight * (lost[index] ?? 0)
    }
    this.#averageLoss = allPackets === 0 ? 0 : allLost / allPackets
  }

  #mostLikely(delayBitrate: number, throughput: number | undefined, asked: number): Model {
    const { bitrate, inherentLoss } = this.#best
    const bitrates = candidateFactors.map((factor) => this.#clamp(Math.min(bitrate * factor, delayBitrate)))
    if (throughput !== undefined) bitrates.push(this.#clamp(Math.min(throughput, delayBitrate)))
    bitrates.push(this.#clamp(delayBitrate))
    // Newton's steps are short where the loss was taken for small: a path that turned bad is fitted from what is seen.
    const seen = this.#averageLoss
    const starts = seen > badLoss && inherentLoss < seen / 2 ? [inherentLoss, seen] : [inherentLoss]
    let best = this.#best
    let bestScore = Number.NEGATIVE_INFINITY
    for (const start of starts) {
      for (let index = 0; index < bitrates.length; index++) {
        const candidate = bitrates[index] ?? 0
        // Where the delay is the ceiling, several candidates are one.
        if (bitrates.indexOf(candidate) < index) continue
        const fitted = this.#fit(candidate, start)
        const score = this.#score(candidate, fitted) - (candidate < delayBitrate * 0.999 ? asked : 0)
        if (score > bestScore) {
          bestScore = score
          best = { bitrate: candidate, inherentLoss: fitted }
        }
      }
    }
    return best
  }

  /** Newton's steps on the logarithm of the likelihood, towards the inherent loss that fits a bitrate best. */
  #fit(bitrate: number, start: number): number {
    const { count, packets, lost, sendBitrates } = this.#windows
    let inherentLoss = start
    for (let step = 0; step < newtonSteps; step++) {
      let first = 0
      let second = 0
      for (let index = 0; index < count; index++) {
        const sendBitrate = sendBitrates[index] ?? 0
        const weight = weights[count - 1 - index] ?? 0
        const missing = lost[index] ?? 0
        const received = (packets[index] ?? 0) - missing
        const loss = lossOf(bitrate, inherentLoss, sendBitrate)
        const passed = 1 - loss
        const slope = 1 - congestionLoss(bitrate, sendBitrate)
        first += weight * slope * (missing / loss - received / passed)
        second -= weight * slope ** 2 * (missing / loss ** 2 + received / passed ** 2)
      }
      if (second === 0) break
      inherentLoss = boundInherent(inherentLoss - first / second)
    }
    return inherentLoss
  }

  #score(bitrate: number, inherentLoss: number): number {
    const { count, packets, lost, sendBitrates } = this.#windows
    const bias = Math.log(bitrate / 1_000)
    // Most windows stayed below the bitrate and share these.
    const inherentLog = Math.log(inherentLoss)
    const inherentPassedLog = Math.log(1 - inherentLoss)
    let score = 0
    for (let index = 0; index < count; index++) {
      const sendBitrate = sendBitrates[index] ?? 0
      const weight = weights[count - 1 - index] ?? 0
      const sent = packets[index] ?? 0
      const missing = lost[index] ?? 0
      const loss = lossOf(bitrate, inherentLoss, sendBitrate)
      const inherent = loss === inherentLoss
      const lossLog = inherent ? inherentLog : Math.log(loss)
      const passedLog = inherent ? inherentPassedLog : Math.log(1 - loss)
      score += weight * (missing * lossLog + (sent - missing) * passedLog)
      score += weight * highBandwidthBias * sent * bias
    }
    return score
  }

  #clamp(bitrate: number): number {
    return Math.min(this.#bounds.max, Math.max(this.#bounds.min, bitrate))
  }
}

function boundInherent(loss: number): number {
  return Math.min(inherentBounds.max, Math.max(inherentBounds.min, loss))
}

/** The share that does not fit when more is sent than the path carries. */
function congestionLoss(bitrate: number, sendBitrate: number): number {
  return sendBitrate > bitrate ? (sendBitrate - bitrate) / sendBitrate : 0
}

function lossOf(bitrate: number, inherentLoss: number, sendBitrate: number): number {
  const loss = inherentLoss + (1 - inherentLoss) * congestionLoss(bitrate, sendBitrate)
  return Math.min(1 - 1e-6, Math.max(1e-6, loss))
}
