import { type PacketResult, usPerMs } from './packet-result.ts'

const observationUs = 250 * usPerMs
const mostObservations = 20
const weightFactor = 0.9
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
/**
 * While more than this is lost, the rate dips for a window now and then: loss that follows it tells itself apart from
 * loss that does not.
 */
const dipAboveLoss = 0.05
const dipEveryWindows = 12
const dipFactor = 0.6
/** Loss above this in the last window keeps the rate from growing faster than what arrives. */
const growthLossLimit = 0.02

interface Observation {
  readonly packets: number
  readonly lost: number
  readonly sendBitrate: number
}

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
  readonly #observations: Observation[] = []
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
    let packets = 0
    let lost = 0
    this.#observations.forEach((observation, index) => {
      const weight = weightFactor ** (this.#observations.length - 1 - index)
      packets += weight * observation.packets
      lost += weight * observation.lost
    })
    return packets === 0 ? 0 : lost / packets
  }

  /** `delayBitrate`: what the delay allows, the ceiling of every candidate. */
  update(
    results: readonly PacketResult[],
    delayBitrate: number,
    throughput: number | undefined,
    limitedByApplication = false,
  ): void {
    for (const result of results) this.#count(result)
    if (this.#beginUs === undefined || this.#endUs - this.#beginUs < observationUs || this.#packets === 0)
      return
    this.#observe()
    this.#windowsSinceDip = this.#dipping || this.averageLoss < dipAboveLoss ? 0 : this.#windowsSinceDip + 1
    const candidates = this.#candidates(delayBitrate, throughput)
    const asked = this.averageLoss > dipAboveLoss ? doubt : 0
    let best: Model | undefined
    let bestScore = Number.NEGATIVE_INFINITY
    for (const candidate of candidates) {
      this.#fit(candidate)
      const limits = candidate.bitrate < delayBitrate * 0.999
      const score = this.#score(candidate) - (limits ? asked : 0)
      if (score > bestScore) {
        bestScore = score
        best = candidate
      }
    }
    if (best === undefined) return
    const ceiling =
      // What an application does not send says nothing about what would arrive.
      throughput !== undefined &&
      !limitedByApplication &&
      this.averageLoss > growthLossLimit &&
      best.bitrate > this.#best.bitrate
        ? Math.max(this.#best.bitrate, 1.2 * throughput)
        : Number.POSITIVE_INFINITY
    this.#best = { ...best, bitrate: this.#clamp(Math.min(best.bitrate, ceiling)) }
    this.#limited = this.#best.bitrate < delayBitrate * 0.999
  }

  /** A probe has shown what the path carries. */
  raise(bitrate: number): void {
    if (bitrate > this.#best.bitrate) this.#best.bitrate = this.#clamp(bitrate)
  }

  get #dipping(): boolean {
    return this.#windowsSinceDip >= dipEveryWindows
  }

  #count({ sentAtUs, receivedAtUs, sizeBytes, late }: PacketResult): void {
    if (late) {
      // Counted as lost before; it was only slow.
      this.#lost = Math.max(0, this.#lost - 1)
      return
    }
    this.#beginUs ??= sentAtUs
    this.#endUs = Math.max(this.#endUs, sentAtUs)
    this.#packets += 1
    this.#bytes += sizeBytes
    if (receivedAtUs === undefined) this.#lost += 1
  }

  #observe(): void {
    const elapsedUs = this.#endUs - (this.#beginUs ?? this.#endUs)
    const sendBitrate = (this.#bytes * 8e6) / Math.max(elapsedUs, observationUs)
    this.#observations.push({ packets: this.#packets, lost: this.#lost, sendBitrate })
    if (this.#observations.length > mostObservations) this.#observations.shift()
    this.#packets = 0
    this.#lost = 0
    this.#bytes = 0
    this.#beginUs = undefined
  }

  #candidates(delayBitrate: number, throughput: number | undefined): Model[] {
    const { bitrate, inherentLoss } = this.#best
    const bitrates = candidateFactors.map((factor) => bitrate * factor)
    if (throughput !== undefined) bitrates.push(throughput)
    bitrates.push(delayBitrate)
    const starts = [inherentLoss]
    // Newton's steps are short where the loss was taken for small: a path that turned bad is fitted from what is seen.
    const seen = this.averageLoss
    if (seen > badLoss && inherentLoss < seen / 2) starts.push(seen)
    return starts.flatMap((start) =>
      bitrates.map((candidate) => ({
        bitrate: this.#clamp(Math.min(candidate, delayBitrate)),
        inherentLoss: start,
      })),
    )
  }

  /** Newton's steps on the logarithm of the likelihood, towards the inherent loss that fits the candidate best. */
  #fit(model: Model): void {
    for (let step = 0; step < newtonSteps; step++) {
      let first = 0
      let second = 0
      this.#each((weight, { packets, lost, sendBitrate }) => {
        const loss = lossOf(model, sendBitrate)
        const slope = 1 - congestionLoss(model.bitrate, sendBitrate)
        const received = packets - lost
        first += weight * slope * (lost / loss - received / (1 - loss))
        second -= weight * slope ** 2 * (lost / loss ** 2 + received / (1 - loss) ** 2)
      })
      if (second === 0) break
      model.inherentLoss = boundInherent(model.inherentLoss - first / second)
    }
  }

  #score(model: Model): number {
    let score = 0
    this.#each((weight, { packets, lost, sendBitrate }) => {
      const loss = lossOf(model, sendBitrate)
      score += weight * (lost * Math.log(loss) + (packets - lost) * Math.log(1 - loss))
      score += weight * highBandwidthBias * packets * Math.log(model.bitrate / 1_000)
    })
    return score
  }

  #each(visit: (weight: number, observation: Observation) => void): void {
    this.#observations.forEach((observation, index) => {
      visit(weightFactor ** (this.#observations.length - 1 - index), observation)
    })
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

function lossOf({ bitrate, inherentLoss }: Model, sendBitrate: number): number {
  const loss = inherentLoss + (1 - inherentLoss) * congestionLoss(bitrate, sendBitrate)
  return Math.min(1 - 1e-6, Math.max(1e-6, loss))
}
