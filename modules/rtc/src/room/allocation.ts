import type { PathFacts } from '../sfu/messages.ts'
import { Allocator, isScreen, type VideoAllotment, type VideoRequest } from './allocator.ts'
import { mostFecShare } from './fec-share.ts'
import { mostCopiesAhead } from './repair.ts'

/** A subscription as the allocation sees it. */
export interface Allocable {
  readonly publication: { readonly id: string; readonly kind: 'audio' | 'video' }
  /** Bits a second of sound that is sent now. */
  readonly audioBitrate: number
  /** Packets of protection and copies sent ahead for one of its media that are wanted, whether there is room or not. */
  readonly protection: number
  /** Undefined: it is not sent for another reason, or is no video. */
  videoRequest(): VideoRequest | undefined
  setAllotment(allotment: VideoAllotment | undefined): void
}

export interface AllocationOptions {
  subscriptions: () => Iterable<Allocable>
  setWanted: (bitrate: number) => void
  now: () => number
}

/** A path that loses needs a part of its bits for what is sent again. */
const leastRepairShare = 0.02
const mostRepairShare = 0.8
/** Facts older than this say nothing: the connection is gone, or a new one not measured yet. */
const staleMs = 5_000
/** The first probes of a path are answered by then; what its first target cannot carry is not taken away before. */
const graceMs = 1_000
/** Of a path on which nothing was sent for so long, its last losses say nothing: they may have been our own. */
const silentMs = 2_000
/**
 * What a path is taken for at its beginning where a screen is shared: one page in all its lines fills a thin path for seconds,
 * and the small one is there first.
 */
const untestedTarget = 800_000
const untestedMs = 3_000

/** The share of a path's bits that goes to repairs, by its loss before repair. */
export function repairShare(loss: number): number {
  return Math.min(mostRepairShare, leastRepairShare + 1.1 * loss)
}

/**
 * What one subscriber gets, as its path is measured. Until there are facts nothing is limited here, and again when
 * they end.
 */
export class Allocation {
  readonly #options: AllocationOptions
  readonly #allocator = new Allocator()
  #facts: PathFacts | undefined
  #factsAtMs = 0
  #beganAtMs = 0
  #wanted = 0
  #allotted = 0
  #sentAtMs = Number.NEGATIVE_INFINITY
  #video = 0
  #protection = 0

  constructor(options: AllocationOptions) {
    this.#options = options
  }

  /** Of the path now; undefined while it is not measured. */
  get facts(): PathFacts | undefined {
    return this.#facts !== undefined && this.#options.now() - this.#factsAtMs < staleMs
      ? this.#facts
      : undefined
  }

  /** Bits a second that everything at its best would take, and what was allotted. */
  get bitrates(): { wanted: number; allotted: number } {
    return { wanted: Math.round(this.#wanted), allotted: Math.round(this.#allotted) }
  }

  /**
   * What there is for protection and copies beyond media and answers: `most` packets for one of a picture, and bits a second
   * of what is wanted. It never takes a layer away.
   */
  get protection(): { bitrate: number; most: number } {
    const { facts } = this
    if (facts === undefined || this.#video <= 0) return { bitrate: 0, most: 0 }
    const room = Math.max(0, facts.target * (1 - repairShare(facts.loss)) - this.#allotted)
    const most = Math.min(mostFecShare + mostCopiesAhead, room / this.#video)
    return { bitrate: Math.min(this.#protection, most) * this.#video, most }
  }

  handleFacts(facts: PathFacts): void {
    if (this.facts === undefined) this.#beganAtMs = this.#options.now()
    this.#facts = facts
    this.#factsAtMs = this.#options.now()
    this.allocate()
  }

  /** The connection ended; what comes next is measured anew. */
  reset(): void {
    this.#facts = undefined
    this.#wanted = 0
  }

  /** Shares anew; `setAllotment` is called on each subscription. Without facts every allotment is lifted. */
  allocate(): void {
    const subscriptions = [...this.#options.subscriptions()]
    const { facts } = this
    if (facts === undefined) {
      for (const subscription of subscriptions) subscription.setAllotment(undefined)
      return
    }
    this.#protection = Math.max(0, ...subscriptions.map(({ protection }) => protection))
    const requests = new Map<Allocable, VideoRequest>()
    let audioBitrate = 0
    for (const subscription of subscriptions) {
      audioBitrate += subscription.audioBitrate
      const request = subscription.videoRequest()
      if (request !== undefined) requests.set(subscription, request)
    }
    const videos = [...requests.values()]
    const silent = this.#options.now() - Math.max(this.#sentAtMs, this.#beganAtMs) > silentMs
    const share = facts.lossKind === 'none' || silent ? leastRepairShare : repairShare(facts.loss)
    const ageMs = this.#options.now() - this.#beganAtMs
    const untested = ageMs < untestedMs && videos.some(isScreen)
    const target = untested ? Math.min(facts.target, untestedTarget) : facts.target
    const allotments = this.#allocator.allocate({
      target: target * (1 - share),
      ...{ audioBitrate, videos, nowMs: this.#options.now() },
    })
    this.#video = 0
    for (const subscription of subscriptions) {
      const request = requests.get(subscription)
      const allotment = request && allotments.get(request.id)
      this.#video += allotment?.step?.bitrate ?? 0
      const isFree = ageMs < graceMs && (request === undefined || !isScreen(request))
      subscription.setAllotment(isFree ? undefined : allotment)
    }
    this.#allotted = audioBitrate + this.#video
    if (this.#allotted > 0) this.#sentAtMs = this.#options.now()
    const media = Allocator.wanted({ audioBitrate, videos })
    const wanted = (media + this.#protection * (media - audioBitrate)) / (1 - share)
    if (Math.abs(wanted - this.#wanted) <= 0.05 * this.#wanted) return
    this.#wanted = wanted
    this.#options.setWanted(wanted)
  }
}
