import { ApplicationLimit } from './application-limit.ts'
import { ArrivalGroups } from './arrival-groups.ts'
import { DelayRate } from './delay-rate.ts'
import { DelayTrend, type PathUse } from './delay-trend.ts'
import { LossRate } from './loss-rate.ts'
import { type SentPacket, usPerMs } from './packet-result.ts'
import { PacketResults } from './packet-results.ts'
import { type Probe, Probing } from './probing.ts'
import { type Feedback, SentLog } from './sent-log.ts'
import { StandingQueue } from './standing-queue.ts'
import { Throughput } from './throughput.ts'

export interface CongestionOptions {
  /** Bits a second, as all rates. */
  initial?: number
  min?: number
  max?: number
}

/** What limits the target now. */
export type CongestionLimit = 'delay' | 'loss' | 'receiver'

/** Why packets are lost: not at all to speak of, by the path whatever is sent, or because too much is sent. */
export type LossKind = 'none' | 'random' | 'congestion'

export interface CongestionFacts {
  /** Bits a second that may be sent, all packets and repairs together. */
  readonly target: number
  readonly limit: CongestionLimit
  readonly use: PathUse
  readonly throughput: number | undefined
  readonly roundTripMs: number
  /** Share of packets, recent ones weighing more. */
  readonly loss: number
  readonly lossKind: LossKind
}

const defaults = { initial: 2_500_000, min: 30_000, max: 50_000_000 }
const noticeableLoss = 0.01
/** Most of the loss has to be inherent to count as random. */
const randomShare = 0.6
/** Without feedback for so many round trips, the path counts as stuck. */
const silentMs = 1_500
const silentFactor = 0.5
/** What was seen of queues holds for so long without feedback: where all is paused, none comes. */
const seenForMs = 1_000
/** Where nothing waits longer than this the path is empty; a packet alone takes as long on a thin one. */
const emptyMs = 30
const yieldEveryMs = 1_000
const yieldFactor = 0.4

/** Of the feedback that is handled; all paths share them. */
const results = new PacketResults()
/** The packet whose arrival is handled. */
const arrived = { sequence: 0, sizeBytes: 0, sentAtUs: 0.5, receivedAtUs: 0.5, late: false }

/**
 * How much may be sent to one receiver, from its transport-wide feedback: the lower of what the delay and what the
 * losses allow, raised by probes (draft-ietf-rmcat-gcc-02; RFC 8836 for what is asked of it). It knows no clock and no
 * socket: the owner hands in what was sent and told, calls `tick` at a steady pace, and sends the probes it answers.
 */
export class CongestionController {
  readonly #log = new SentLog()
  readonly #groups = new ArrivalGroups()
  readonly #trend = new DelayTrend()
  readonly #throughput = new Throughput()
  readonly #queue = new StandingQueue()
  readonly #limit = new ApplicationLimit()
  readonly #delay: DelayRate
  readonly #loss: LossRate
  readonly #probing: Probing
  readonly #min: number
  readonly #max: number
  #wanted: number
  #receiverLimit = Number.POSITIVE_INFINITY
  #roundTripMs = 100
  #lastFeedbackMs: number | undefined
  #measuredAtMs = 0
  #unansweredSinceUs: number | undefined
  #sentSinceFeedback = false
  #limited = false
  #emptySinceMs: number | undefined
  #yieldedAtMs = Number.NEGATIVE_INFINITY

  constructor(options: CongestionOptions = {}) {
    const { initial, min, max } = { ...defaults, ...options }
    this.#min = min
    this.#max = max
    this.#wanted = max
    this.#delay = new DelayRate(initial, { min, max })
    this.#loss = new LossRate(initial, { min, max })
    this.#probing = new Probing(max)
  }

  get target(): number {
    const allowed = Math.min(this.#delay.bitrate, this.#loss.bitrate ?? this.#max, this.#receiverLimit)
    return Math.max(this.#min, this.#queue.yielding ? allowed * yieldFactor : allowed)
  }

  /** Why packets are lost, if they are. */
  get lossKind(): LossKind {
    const loss = this.#loss.averageLoss
    if (loss < noticeableLoss) return 'none'
    const inherent = this.#loss.inherentLoss
    return this.#trend.use !== 'overused' && inherent >= randomShare * loss ? 'random' : 'congestion'
  }

  get facts(): CongestionFacts {
    const { target } = this
    return {
      target,
      limit:
        this.#receiverLimit <= target
          ? 'receiver'
          : (this.#loss.bitrate ?? this.#max) <= target
            ? 'loss'
            : 'delay',
      use: this.#trend.use,
      throughput: this.#throughput.bitrate,
      roundTripMs: this.#roundTripMs,
      loss: this.#loss.averageLoss,
      lossKind: this.lossKind,
    }
  }

  get inFlightBytes(): number {
    return this.#log.inFlightBytes
  }

  /** Since when something was sent that no feedback followed, on the clock of sent packets. */
  get unansweredSinceUs(): number | undefined {
    return this.#unansweredSinceUs
  }

  /** What all that could be sent would take; the path is not tried out far beyond it. */
  setWanted(bitrate: number): void {
    this.#wanted = bitrate
  }

  /** What the receiver allows by REMB; undefined lifts it. */
  setReceiverLimit(bitrate: number | undefined): void {
    this.#receiverLimit = bitrate ?? Number.POSITIVE_INFINITY
  }

  /** The packet is read, not kept. */
  handleSent(packet: SentPacket): void {
    this.#log.add(packet)
    this.#limit.sent(packet.sizeBytes, packet.sentAtUs, this.target)
    this.#sentSinceFeedback = true
    this.#unansweredSinceUs ??= packet.sentAtUs
  }

  /** `atUs`: when it came, on the clock of sent packets. */
  handleFeedback(feedback: Feedback, atUs: number): void {
    const nowMs = atUs / usPerMs
    this.#measuredAtMs = nowMs
    this.#unansweredSinceUs = undefined
    this.#lastFeedbackMs = nowMs
    this.#sentSinceFeedback = false
    this.#log.take(feedback, results)
    if (results.length === 0) return
    const missing = this.#measureRoundTrip(atUs)
    const limited = this.#limit.sinceUs !== undefined
    if (this.#limited && !limited) this.#throughput.expectFastChange()
    this.#limited = limited

    this.#handleArrivals(limited)
    this.#updateRates(nowMs, limited, missing)
  }

  /** To be called every 50 ms or so. Answers the probe to send now, if any. */
  tick(nowUs: number): Probe | undefined {
    const nowMs = nowUs / usPerMs
    this.#limit.sent(0, nowUs, this.target)
    const lastMs = this.#lastFeedbackMs
    const silence = silentMs + 3 * this.#roundTripMs
    if (lastMs !== undefined && this.#sentSinceFeedback && nowMs - lastMs > silence) {
      this.#lastFeedbackMs = nowMs
      // Once for what was sent: a single probe that is not answered is no silence without end.
      this.#sentSinceFeedback = false
      this.#delay.set(this.#delay.bitrate * silentFactor, nowMs)
    }
    if (nowMs - this.#measuredAtMs > seenForMs) this.#trend.rest()
    const { sinceUs } = this.#limit
    // With nothing on its way what stood in the queue is gone, and no feedback would ever tell.
    const isIdle = lastMs !== undefined && !this.#sentSinceFeedback && nowMs - lastMs > silence
    return this.#probing.next(
      {
        nowMs,
        target: this.target,
        wanted: Math.min(this.#wanted, this.#receiverLimit),
        limitedSinceMs: sinceUs === undefined ? undefined : sinceUs / usPerMs,
        emptySinceMs: this.#emptySinceMs,
        overused: this.#trend.use === 'overused' && !isIdle,
      },
      nowUs,
    )
  }

  /** In order of arrival, which is that of sending unless the path has turned some around. */
  #handleArrivals(limited: boolean): void {
    const { length, sizeBytes, sentAtUs, receivedAtUs } = results
    const order = orderOfArrival()
    const count = order?.length ?? length
    for (let index = 0; index < count; index++) {
      const at = order === undefined ? index : (order[index] ?? 0)
      const arrival = receivedAtUs[at] ?? Number.NaN
      if (Number.isNaN(arrival)) continue
      arrived.sizeBytes = sizeBytes[at] ?? 0
      arrived.sentAtUs = sentAtUs[at] ?? 0
      arrived.receivedAtUs = arrival
      this.#throughput.add(arrived, limited)
      this.#queue.add(arrived)
      const delta = this.#groups.add(arrived)
      if (delta !== undefined) this.#trend.add(delta)
    }
  }

  #updateRates(nowMs: number, limitedByApplication: boolean, missing: boolean): void {
    const before = this.#delay.bitrate
    const throughput = this.#carried
    const use = this.#queue.contested ? this.#contestedUse(missing, nowMs) : this.#trend.use
    const roundTripMs = this.#roundTripMs
    const { queueMs } = this.#trend
    this.#emptySinceMs = queueMs > emptyMs || missing ? undefined : (this.#emptySinceMs ?? nowMs)
    // The queue of a probe does not say that the path carries less than was found before.
    const isOwnQueue = use === 'overused' && this.#probing.queues(nowMs)
    if (!isOwnQueue)
      this.#delay.update({ use, throughput, roundTripMs, nowMs, limitedByApplication, queueMs })
    const probed = this.#probing.handle(results, this.#loss.inherentLoss, nowMs)
    if (probed !== undefined && use !== 'overused') {
      if (probed > this.#delay.bitrate) this.#delay.set(probed, nowMs)
      this.#loss.raise(probed)
    }
    if (this.#delay.bitrate < before) {
      this.#queue.noteReduction()
      this.#probing.noteDrop(before, this.#delay.bitrate, nowMs)
    }
    this.#loss.update(results, this.#delay.bitrate, throughput, { limitedByApplication, queueMs })
  }

  /** Beside a flow that yields to loss alone, the delay is not ours to keep low: we yield as it does. */
  #contestedUse(missing: boolean, nowMs: number): PathUse {
    if (!missing || this.#loss.inherentLoss > noticeableLoss || nowMs - this.#yieldedAtMs < yieldEveryMs)
      return 'normal'
    this.#yieldedAtMs = nowMs
    return 'overused'
  }

  /** What the path took in, whatever it loses by itself: the rate that left us and did not wait in a queue. */
  get #carried(): number | undefined {
    const { bitrate } = this.#throughput
    return bitrate === undefined ? undefined : bitrate / (1 - this.#loss.inherentLoss)
  }

  /** Answers whether a packet was told as missing. */
  #measureRoundTrip(atUs: number): boolean {
    const { length, sentAtUs, receivedAtUs, late } = results
    let shortestUs = Number.POSITIVE_INFINITY
    let missing = false
    for (let index = 0; index < length; index++) {
      if (Number.isNaN(receivedAtUs[index])) missing = true
      else if (late[index] === 0) shortestUs = Math.min(shortestUs, atUs - (sentAtUs[index] ?? 0))
    }
    if (Number.isFinite(shortestUs))
      this.#roundTripMs = 0.9 * this.#roundTripMs + 0.1 * (shortestUs / usPerMs)
    return missing
  }
}

/** The order of arrival of the results; undefined while it is the order of sending. Those that are missing may be anywhere. */
function orderOfArrival(): number[] | undefined {
  const { length, receivedAtUs } = results
  let latest = Number.NEGATIVE_INFINITY
  for (let index = 0; index < length; index++) {
    const arrival = receivedAtUs[index] ?? Number.NaN
    if (arrival < latest) return sortedArrivals()
    if (arrival > latest) latest = arrival
  }
  return undefined
}

function sortedArrivals(): number[] {
  const { length, receivedAtUs } = results
  const order: number[] = []
  for (let index = 0; index < length; index++) if (!Number.isNaN(receivedAtUs[index])) order.push(index)
  return order.sort((first, second) => (receivedAtUs[first] ?? 0) - (receivedAtUs[second] ?? 0))
}
