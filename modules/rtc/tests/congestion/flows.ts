import { CongestionController, type CongestionOptions } from '../../src/congestion/index.ts'
import type { Clock, Way } from './simulation.ts'

const maxPacketBytes = 1_200
const frameMs = 1_000 / 30
const feedbackMs = 100
const overheadBytes = 28

export interface MediaFlowOptions extends CongestionOptions {
  clock: Clock
  forward: Way
  /** What carries the feedback. */
  backward: Way
  /** What the codec makes of a target. */
  encoder?: { min: number; max: number }
  extraOneWayMs?: number
  beginMs?: number
  /** Key frames and the like: share of the frame size that varies. */
  variation?: number
  /** In place of the encoder: bits of a frame that stands for so many seconds, whatever the target is. */
  frameBits?: (seconds: number) => number
  random?: () => number
}

interface Second {
  sentBits: number
  receivedBits: number
  packets: number
  received: number
  queueMs: number
  target: number
}

/** A video call in one direction: an encoder that follows the target, a pacer, a receiver that tells what came. */
export class MediaFlow {
  readonly controller: CongestionController
  readonly seconds: Second[] = []
  paused = false
  readonly #options: Required<Omit<MediaFlowOptions, keyof CongestionOptions | 'frameBits'>>
  readonly #frameBits: MediaFlowOptions['frameBits']
  readonly #backlog: number[] = []
  readonly #arrived = new Map<number, number>()
  #nextSequence = 0
  #nextFeedback = 0
  #pacing = false

  constructor(options: MediaFlowOptions) {
    const { clock } = options
    this.#frameBits = options.frameBits
    this.#options = {
      encoder: { min: 150_000, max: 1_500_000 },
      ...{ extraOneWayMs: 0, beginMs: 0, variation: 0.2, random: () => 0.5 },
      ...options,
    }
    this.controller = new CongestionController({ initial: 300_000, ...options })
    this.controller.setWanted(this.#options.encoder.max)
    clock.at(this.#options.beginMs * 1_000, () => {
      clock.every(frameMs * 1_000, () => this.#frame())
      clock.every(feedbackMs * 1_000, () => this.#feedback())
      clock.every(50_000, () => this.#tick())
    })
  }

  /** Means over a span of seconds. `queueMs` is the mean delay of packets in the queue. */
  over(
    fromSecond: number,
    toSecond: number,
  ): { bitrate: number; queueMs: number; loss: number; target: number } {
    const span = this.seconds.slice(fromSecond, toSecond)
    const sum = (of: (second: Second) => number): number =>
      span.reduce((total, second) => total + (second === undefined ? 0 : of(second)), 0)
    const packets = sum(({ packets }) => packets)
    const received = sum(({ received }) => received)
    return {
      bitrate: sum(({ receivedBits }) => receivedBits) / (toSecond - fromSecond),
      queueMs: received === 0 ? 0 : sum(({ queueMs }) => queueMs) / received,
      loss: packets === 0 ? 0 : 1 - received / packets,
      target: sum(({ target }) => target) / (toSecond - fromSecond),
    }
  }

  get #second(): Second {
    const index = Math.floor(this.#options.clock.nowUs / 1e6)
    const empty = { sentBits: 0, receivedBits: 0, packets: 0, received: 0, queueMs: 0, target: 0 }
    this.seconds[index] ??= { ...empty, target: this.controller.target }
    return this.seconds[index]
  }

  #frame(): void {
    void this.#second
    if (this.paused) return
    const { encoder, variation, random } = this.#options
    const bitrate = Math.min(encoder.max, Math.max(encoder.min, this.controller.target))
    const factor = 1 + variation * (2 * random() - 1)
    const bits = this.#frameBits?.(frameMs / 1_000) ?? (bitrate * factor * frameMs) / 1_000
    let bytes = Math.round(bits / 8)
    for (; bytes > 0; bytes -= maxPacketBytes) this.#backlog.push(Math.min(bytes, maxPacketBytes))
    this.#pace()
  }

  /** At two and a half times the target, as browsers do. */
  #pace(): void {
    if (this.#pacing) return
    const next = (): void => {
      const bytes = this.#backlog.shift()
      this.#pacing = bytes !== undefined
      if (bytes === undefined) return
      this.#send(bytes)
      this.#options.clock.after((bytes * 8 * 1e6) / (2.5 * this.controller.target), next)
    }
    next()
  }

  #tick(): void {
    const { clock } = this.#options
    const probe = this.controller.tick(clock.nowUs)
    if (probe === undefined) return
    const count = Math.ceil(probe.bytes / 1_000) + 1
    for (let index = 0; index < count; index++) {
      clock.after(index * ((1_000 * 8 * 1e6) / probe.bitrate), () => this.#send(1_000))
    }
  }

  #send(bytes: number): void {
    const { clock, forward, extraOneWayMs } = this.#options
    const sequence = this.#nextSequence++
    this.controller.handleSent({ sequence, sizeBytes: bytes, sentAtUs: clock.nowUs })
    const second = this.#second
    second.sentBits += bytes * 8
    second.packets += 1
    forward.send(
      bytes + overheadBytes,
      (queueMs) => {
        // What arrives counts for the second in which it left, so that loss does not depend on the delay.
        second.receivedBits += bytes * 8
        second.received += 1
        second.queueMs += queueMs
        this.#arrived.set(sequence, clock.nowUs)
      },
      extraOneWayMs,
    )
  }

  #feedback(): void {
    const last = Math.max(-1, ...this.#arrived.keys())
    if (last < this.#nextFeedback) return
    const { clock, backward, extraOneWayMs } = this.#options
    const first = this.#arrived.get([...this.#arrived.keys()].reduce((low, key) => Math.min(low, key))) ?? 0
    const referenceTime = Math.floor(first / 64_000) - 1
    const deltas: (number | null)[] = []
    let atTicks = referenceTime * 256
    for (let sequence = this.#nextFeedback; sequence <= last; sequence++) {
      const arrivedUs = this.#arrived.get(sequence)
      if (arrivedUs === undefined) {
        deltas.push(null)
        continue
      }
      const ticks = Math.floor(arrivedUs / 250)
      deltas.push(ticks - atTicks)
      atTicks = ticks
    }
    const feedback = { baseSequence: this.#nextFeedback % 65_536, referenceTime, deltas }
    this.#nextFeedback = last + 1
    this.#arrived.clear()
    backward.send(
      60 + deltas.length,
      () => this.controller.handleFeedback(feedback, clock.nowUs),
      extraOneWayMs,
    )
  }
}

/** A transfer under TCP Reno's rules: slow start, then a segment a round trip, halved at each loss. */
export class TcpFlow {
  receivedBits = 0
  readonly #clock: Clock
  readonly #forward: Way
  readonly #oneWayMs: number
  #window = 2
  #threshold = 1_000
  #inFlight = 0
  #remaining: number
  #recoverUntilUs = 0

  constructor(options: {
    clock: Clock
    forward: Way
    beginMs: number
    segments?: number
    oneWayMs?: number
  }) {
    this.#clock = options.clock
    this.#forward = options.forward
    this.#remaining = options.segments ?? Number.POSITIVE_INFINITY
    this.#oneWayMs = options.oneWayMs ?? 50
    this.#clock.at(options.beginMs * 1_000, () => this.#fill())
  }

  /** Everything was sent and acknowledged. */
  get finished(): boolean {
    return this.#remaining === 0 && this.#inFlight === 0
  }

  #fill(): void {
    while (this.#inFlight < Math.floor(this.#window) && this.#remaining > 0) {
      this.#inFlight += 1
      this.#remaining -= 1
      this.#transmit()
    }
  }

  #transmit(): void {
    let answered = false
    this.#forward.send(1_460 + 40, () => {
      this.receivedBits += 1_460 * 8
      this.#clock.after(this.#oneWayMs * 1_000, () => {
        answered = true
        this.#acknowledged()
      })
    })
    this.#clock.after(2 * this.#oneWayMs * 1_000 + 400_000, () => {
      if (!answered) this.#lost()
    })
  }

  #acknowledged(): void {
    this.#inFlight -= 1
    this.#window += this.#window < this.#threshold ? 1 : 1 / this.#window
    this.#fill()
  }

  #lost(): void {
    this.#inFlight -= 1
    this.#remaining += 1
    if (this.#clock.nowUs >= this.#recoverUntilUs) {
      this.#threshold = Math.max(2, this.#window / 2)
      this.#window = this.#threshold
      this.#recoverUntilUs = this.#clock.nowUs + (2 * this.#oneWayMs + 300) * 1_000
    }
    this.#fill()
  }
}
