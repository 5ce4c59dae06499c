import { Allocation } from '../../src/room/allocation.ts'
import { LayerState } from '../../src/room/layer-state.ts'
import { videoSteps } from '../../src/room/video-steps.ts'
import { MediaFlow } from './flows.ts'
import { Link, randomOf, VirtualClock } from './simulation.ts'

/** How a layer of a screen is encoded: bits a second while a new page comes in, after it, and while it stands still. */
interface ScreenEncoding {
  readonly lines: number
  readonly page: number
  readonly refining: number
  readonly still: number
}

const encodings: readonly ScreenEncoding[] = [
  { lines: 540, page: 420_000, refining: 260_000, still: 180_000 },
  { lines: 1080, page: 2_400_000, refining: 1_000_000, still: 100_000 },
]
const pageMs = 1_500
const refiningMs = 4_500
const measureEveryMs = 2_000
const factsEveryMs = 500

/** A screen in two layers on its way to one subscriber, who gets the layer its path has room for. */
export class ScreenPath {
  readonly clock = new VirtualClock()
  readonly forward: Link
  readonly flow: MediaFlow
  /** The layer that is sent; the larger one is sharp. */
  layer = 0
  readonly #random: () => number
  readonly #layers: readonly LayerState[]
  readonly #rates: number[][] = encodings.map(() => [])
  readonly #stillShare: number
  #pageAtMs = 0
  #allLayers = true

  /** `stillShare`: what the encoder makes of a still screen, as a share of the most it does. */
  constructor({ capacity, seed, stillShare = 1 }: { capacity: number; seed: number; stillShare?: number }) {
    const { clock } = this
    this.#stillShare = stillShare
    this.#random = randomOf(seed)
    this.forward = new Link(clock, { capacity, oneWayMs: 20, queueMs: 1_000, jitterMs: 3, seed })
    this.#layers = encodings.map(({ lines }) => {
      const state = new LayerState()
      state.change({ running: true, width: (lines * 16) / 9, height: lines })
      return state
    })
    this.flow = new MediaFlow({
      ...{ clock, forward: this.forward, backward: new Link(clock, { capacity: 1e9, oneWayMs: 20 }) },
      ...{ initial: 2_500_000, frameBits: (seconds) => this.#frameBits(seconds) },
    })
    this.#allocate()
    this.#turnPages()
    clock.every(measureEveryMs * 1_000, () => this.#measure())
  }

  run(seconds: number): void {
    this.clock.runUntil(this.clock.nowUs + seconds * 1e6)
  }

  /** Seconds until a layer is sent; `withinSeconds` where it is not. */
  secondsUntil(layer: number, withinSeconds: number): number {
    const beganUs = this.clock.nowUs
    const endUs = beganUs + withinSeconds * 1e6
    while (this.layer !== layer && this.clock.nowUs < endUs) this.run(0.1)
    return (this.clock.nowUs - beganUs) / 1e6
  }

  #turnPages(): void {
    this.#pageAtMs = this.clock.nowUs / 1_000
    this.clock.after((4_000 + 8_000 * this.#random()) * 1_000, () => this.#turnPages())
  }

  #rateOf({ page, refining, still }: ScreenEncoding): number {
    const ageMs = this.clock.nowUs / 1_000 - this.#pageAtMs
    const rate = ageMs < pageMs ? page : ageMs < refiningMs ? refining : still * this.#stillShare
    return rate * (0.7 + 0.6 * this.#random())
  }

  #frameBits(seconds: number): number {
    const rates = encodings.map((encoding) => this.#rateOf(encoding))
    for (const [index, rate] of rates.entries()) this.#rates[index]?.push(rate)
    return (rates[this.layer] ?? 0) * seconds * (this.#allLayers ? 1 : 0.55)
  }

  #measure(): void {
    for (const [index, state] of this.#layers.entries()) {
      const rates = this.#rates[index]?.splice(0) ?? []
      const recent = rates.slice(-30)
      state.measure({
        bitrate: recent.reduce((sum, rate) => sum + rate, 0) / Math.max(1, recent.length),
        temporal: index === 0,
      })
    }
  }

  #allocate(): void {
    const { clock, flow } = this
    const subscription = {
      publication: { id: 'screen', kind: 'video' as const },
      ...{ audioBitrate: 0, protection: 0 },
      videoRequest: () => ({
        ...{ id: 'screen', source: 'screen' as const, speaking: false, pixels: undefined },
        steps: videoSteps(this.#layers, encodings.length - 1, 'screen'),
      }),
      setAllotment: (
        allotment: { step: { layer: number; temporalLayer: number } | undefined } | undefined,
      ) => {
        this.layer = allotment?.step?.layer ?? 0
        this.#allLayers = (allotment?.step?.temporalLayer ?? 7) > 0
      },
    }
    const allocation = new Allocation({
      subscriptions: () => [subscription],
      setWanted: (bitrate) => flow.controller.setWanted(bitrate),
      now: () => clock.nowUs / 1_000,
    })
    clock.every(factsEveryMs * 1_000, () => {
      const { target, limit, loss, lossKind, roundTripMs, throughput = 0, use } = flow.controller.facts
      allocation.handleFacts({
        ...{ transport: 1, target, limit, loss, lossKind, roundTripMs, throughput, queue: use },
      })
    })
  }
}
