/** What the server's receiver reports (RTCP RR) say of sound on its way to it. */
export interface UplinkReport {
  /** Share of packets lost before repair, 0 to 1. */
  loss: number
  roundTripMs: number | undefined
  /** What the congestion control of the browser grants everything that is sent. */
  availableKbps: number | undefined
  nowMs: number
}

/** How sound is sent. */
export interface SoundSending {
  /** Earlier frames that each packet repeats. */
  depth: number
  /** Bits a second of the encoder; undefined: what the browser takes by itself. */
  maxBitrate: number | undefined
  /** Sound in one packet; longer packets spare headers where the path is narrow. */
  packetMs: 20 | 60
}

/** Frames of sound that may stay lost after all redundancy: three in a thousand. */
const residual = 0.003
const mostDepth = 17
/** The one repetition that the browser's encoder adds by itself. */
const ownDepth = 1
const noticeableLoss = 0.03
const fallsBy = 0.1
/** A packet holds 1,000 bytes: so deep it can be at the bitrate that speech has by itself, and at lower ones. */
const bitrates: readonly [upToDepth: number, maxBitrate: number | undefined][] = [
  [9, undefined],
  [13, 24_000],
  [mostDepth, 20_000],
]
const narrowBitrate = 16_000
/**
 * Less than speech takes with headers. The congestion control grants so little where a path is narrow; where much is
 * lost at random it may do so, too, but then packets that arrive do not come late.
 */
const narrowKbps = 64
const narrowUpToLoss = 0.25
const lateMs = 300
/** A round trip that grew by this much, and not only once, waits in a queue that is full. */
const queueMs = 200
const queuedReports = 2
/** Redundancy that made the losses this much worse was the cause of more. */
const worse = 0.15
const settledReports = 3
const leastRestMs = 8_000
const mostRestMs = 64_000
/** A path that is full again so soon after a rest gets a longer one. */
const soonMs = 60_000

/**
 * Decides how deep the redundancy of a sender's sound is. It answers random loss; where the path is full, more of it
 * would only add to that, so it rests while little is granted or the round trip is long, and after losses that grew
 * with it.
 */
export class UplinkRedundancy {
  #loss = 0
  #leastRoundTripMs = Number.POSITIVE_INFINITY
  #answered: number | undefined
  #reports = 0
  #queued = 0
  #restsUntilMs = Number.NEGATIVE_INFINITY
  #restMs = 0
  #isNarrow = false

  update({ loss, roundTripMs, availableKbps, nowMs }: UplinkReport): SoundSending {
    if (roundTripMs !== undefined) this.#leastRoundTripMs = Math.min(this.#leastRoundTripMs, roundTripMs)
    const isLong = roundTripMs !== undefined && roundTripMs > 2 * this.#leastRoundTripMs + queueMs
    this.#queued = isLong ? this.#queued + 1 : 0
    const isLate = roundTripMs !== undefined && roundTripMs > lateMs
    const grantsLittle = availableKbps !== undefined && availableKbps < narrowKbps
    const narrow = grantsLittle && (loss < narrowUpToLoss || isLate)
    const grown = this.#reports >= settledReports && loss > (this.#answered ?? loss) + worse
    if (nowMs >= this.#restsUntilMs) {
      this.#isNarrow = false
      if (narrow || grown || this.#queued >= queuedReports) this.#rest(nowMs)
    }
    this.#isNarrow ||= narrow
    if (nowMs < this.#restsUntilMs) {
      return this.#isNarrow
        ? { depth: ownDepth, maxBitrate: narrowBitrate, packetMs: 60 }
        : { depth: ownDepth, maxBitrate: undefined, packetMs: 20 }
    }
    this.#loss += (loss > this.#loss ? 1 : fallsBy) * (loss - this.#loss)
    const depth = this.#loss < noticeableLoss ? ownDepth : depthFor(this.#loss)
    if (depth > ownDepth) {
      this.#answered = Math.max(this.#answered ?? 0, this.#loss)
      this.#reports++
    } else {
      this.#answered = undefined
      this.#reports = 0
    }
    return { depth, maxBitrate: bitrates.find(([upTo]) => depth <= upTo)?.[1], packetMs: 20 }
  }

  /** What was lost of a full path says nothing about the path when it is not. */
  #rest(nowMs: number): void {
    const isSoon = nowMs - this.#restsUntilMs < soonMs
    this.#restMs = isSoon ? Math.min(mostRestMs, 2 * this.#restMs) : leastRestMs
    this.#restsUntilMs = nowMs + this.#restMs
    this.#loss = 0
    this.#answered = undefined
    this.#reports = 0
  }
}

/** So many frames before each that at this loss only the residual is missing. */
function depthFor(loss: number): number {
  const copies = Math.ceil(Math.log(residual) / Math.log(Math.min(loss, 0.95)))
  return Math.max(ownDepth, Math.min(mostDepth, copies - 1))
}
