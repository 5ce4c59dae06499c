import { serializeRtcp } from '@parley/protocols/rtcp'
import { randomOf } from '../../../modules/rtc/tests/congestion/simulation.ts'

/** What happens to packets on the way. */
export interface PathWeather {
  readonly name: string
  /** Share lost whatever is sent. */
  readonly loss?: number
  /** Bits a second; without, no queue ever fills. */
  readonly capacity?: number
  /** The feedback itself is lost as often. */
  readonly feedbackLoss?: number
  /** Up to so much later, so that packets overtake each other. */
  readonly jitterMs?: number
}

/** What the packet thread notes of one subscriber at a time: packets that left, then what it heard. */
export interface PathReport {
  readonly transport: number
  readonly sent: readonly SentRecord[]
  readonly rtcp: Uint8Array
  readonly atUs: number
}

export interface SentRecord {
  readonly sequence: number
  readonly sizeBytes: number
  readonly atUs: number
}

const oneWayUs = 20_000
const queueUs = 300_000
const frameUs = 33_333
const packetBytes = 1_100
const probeBytes = 1_000
const ticksPerReference = 256
const tickUs = 250

/**
 * One subscriber of a picture of 30 frames and 135 packets a second, on a virtual clock: what left, and the feedback of
 * a receiver that tells each 50 to 100 ms what came.
 */
export class SyntheticPath {
  readonly transport: number
  readonly #weather: PathWeather
  readonly #random: () => number
  readonly #everyUs: number
  #nextFrameUs: number
  #nextFeedbackUs: number
  #frames = 0
  #sequence = 0
  #freeAtUs = 0
  #unreported: SentRecord[] = []
  #underway: { sequence: number; arrivalUs: number }[] = []
  #nextBase = 0
  #feedbackCount = 0

  constructor(transport: number, weather: PathWeather) {
    this.transport = transport
    this.#weather = weather
    this.#random = randomOf(transport)
    this.#everyUs = 50_000 + this.#random() * 50_000
    this.#nextFrameUs = 1e6 + this.#random() * frameUs
    this.#nextFeedbackUs = this.#nextFrameUs + this.#everyUs
  }

  /** Packets that a probe adds now. */
  probe(bytes: number, bitrate: number, atUs: number): void {
    const count = Math.ceil(bytes / probeBytes)
    for (let index = 0; index < count; index++)
      this.#send(probeBytes, Math.round(atUs + (index * probeBytes * 8e6) / bitrate))
  }

  /** Goes on until then; answers what was reported meanwhile, in order of time. */
  advance(untilUs: number): PathReport[] {
    const reports: PathReport[] = []
    while (Math.min(this.#nextFrameUs, this.#nextFeedbackUs) < untilUs) {
      if (this.#nextFrameUs <= this.#nextFeedbackUs) this.#frame()
      else reports.push(...this.#feedback())
    }
    return reports
  }

  #frame(): void {
    const packets = this.#frames++ % 2 === 0 ? 4 : 5
    for (let index = 0; index < packets; index++)
      this.#send(packetBytes, Math.round(this.#nextFrameUs) + index * 40)
    this.#nextFrameUs += frameUs
  }

  #send(sizeBytes: number, atUs: number): void {
    const { loss = 0, capacity, jitterMs = 0 } = this.#weather
    const sequence = ++this.#sequence
    this.#unreported.push({ sequence, sizeBytes, atUs })
    const begin = Math.max(this.#freeAtUs, atUs)
    if (capacity !== undefined) {
      if (begin - atUs > queueUs) return
      this.#freeAtUs = begin + (sizeBytes * 8e6) / capacity
    }
    if (this.#random() < loss) return
    const leftUs = capacity === undefined ? atUs : this.#freeAtUs
    this.#underway.push({
      sequence,
      arrivalUs: leftUs + oneWayUs + this.#random() * (jitterMs * 1_000 + 300),
    })
  }

  #feedback(): PathReport[] {
    const nowUs = this.#nextFeedbackUs
    this.#nextFeedbackUs += this.#everyUs
    const arrived = new Map<number, number>()
    for (const { sequence, arrivalUs } of this.#underway)
      if (arrivalUs <= nowUs) arrived.set(sequence, Math.round(arrivalUs / tickUs))
    this.#underway = this.#underway.filter(({ arrivalUs }) => arrivalUs > nowUs)
    if (arrived.size === 0) return []
    const sequences = [...arrived.keys()]
    const base = Math.min(...sequences, this.#nextBase === 0 ? Number.POSITIVE_INFINITY : this.#nextBase)
    const last = Math.max(...sequences)
    this.#nextBase = last + 1
    const reference = Math.floor((arrived.get(Math.min(...sequences)) ?? 0) / ticksPerReference)
    let before = reference * ticksPerReference
    const deltas: (number | null)[] = []
    for (let sequence = base; sequence <= last; sequence++) {
      const tick = arrived.get(sequence)
      deltas.push(tick === undefined ? null : tick - before)
      before = tick ?? before
    }
    if (this.#random() < (this.#weather.feedbackLoss ?? 0)) return []
    const rtcp = serializeRtcp([
      {
        ...{
          type: 'transport-feedback',
          senderSsrc: 1,
          mediaSsrc: 2,
          feedbackCount: this.#feedbackCount++ & 0xff,
        },
        ...{ baseSequence: base & 0xffff, referenceTime: (reference << 8) >> 8, deltas },
      },
    ])
    const atUs = Math.round(nowUs + oneWayUs)
    const sent = this.#unreported.filter((record) => record.atUs <= atUs)
    this.#unreported = this.#unreported.filter((record) => record.atUs > atUs)
    return [{ transport: this.transport, sent, rtcp, atUs }]
  }
}
