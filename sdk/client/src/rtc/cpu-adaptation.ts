import type { RoomStatistics } from './statistics.ts'

/** Why videos became smaller or slower; `recovered`: they may grow again. */
export type AdaptationReason = 'cpu-limited' | 'encode-time' | 'decode-time' | 'frames-dropped' | 'recovered'

/** What this client sends or asks for was made to fit the processor. */
export interface VideoAdaptation {
  direction: 'sent' | 'received'
  /** 0: nothing is held back. */
  step: number
  steps: number
  reason: AdaptationReason
}

/** Frame rates and layers a sender gives up, step by step; the lowest layer always stays. */
export const sendSteps = [
  { droppedLayers: 0, framesPerSecond: undefined },
  { droppedLayers: 0, framesPerSecond: 20 },
  { droppedLayers: 1, framesPerSecond: 20 },
  { droppedLayers: 2, framesPerSecond: 15 },
] as const

/** Of the size that is shown; a half is one simulcast layer. */
export const receiveSteps = [1, 0.5, 0.25] as const

/** Shares of a thread that codecs may take before something gives. */
const busy = 0.85
const relaxed = 0.45
/** Share of frames that were received and not shown although nothing was lost. */
const noticeableDrops = 0.15
const noticeableLoss = 0.02

const downAfter = 2
const upAfter = 5
const mostUpAfter = 60

/** A load that goes up and down by steps: down after two bad intervals, up after some good ones, more each time. */
class Ladder {
  readonly #top: number
  #step = 0
  #bad = 0
  #good = 0
  #upAfter = upAfter
  #hasRisen = false

  constructor(steps: number) {
    this.#top = steps - 1
  }

  get step(): number {
    return this.#step
  }

  /** Answers whether the step has changed. */
  update(load: 'high' | 'middle' | 'low'): boolean {
    this.#bad = load === 'high' ? this.#bad + 1 : 0
    this.#good = load === 'low' ? this.#good + 1 : 0
    if (this.#bad >= downAfter && this.#step < this.#top) {
      // What had to be taken back is tried again later.
      if (this.#hasRisen) this.#upAfter = Math.min(mostUpAfter, this.#upAfter * 2)
      this.#step++
      this.#bad = 0
      return true
    }
    if (this.#good < this.#upAfter || this.#step === 0) return false
    this.#step--
    this.#good = 0
    this.#hasRisen = true
    return true
  }
}

/** Decides by the statistics of a room what the processor can carry, each way. It does no I/O. */
export class CpuAdaptation {
  readonly #sent = new Ladder(sendSteps.length)
  readonly #received = new Ladder(receiveSteps.length)

  get sendStep(): number {
    return this.#sent.step
  }

  get receiveStep(): number {
    return this.#received.step
  }

  /** Takes one interval; answers what changes by it. A page out of view shows nothing, so drops say nothing. */
  update(statistics: Pick<RoomStatistics, 'published' | 'received'>, isHidden = false): VideoAdaptation[] {
    const changes: VideoAdaptation[] = []
    const take = (
      ladder: Ladder,
      direction: VideoAdaptation['direction'],
      verdict: Verdict,
      steps: number,
    ) => {
      const before = ladder.step
      if (!ladder.update(verdict.load)) return
      const reason = ladder.step > before ? verdict.reason : 'recovered'
      changes.push({ direction, step: ladder.step, steps: steps - 1, reason })
    }
    take(this.#sent, 'sent', sendLoad(statistics), sendSteps.length)
    if (!isHidden) take(this.#received, 'received', receiveLoad(statistics), receiveSteps.length)
    return changes
  }
}

interface Verdict {
  load: 'high' | 'middle' | 'low'
  reason: AdaptationReason
}

function sendLoad({ published }: Pick<RoomStatistics, 'published'>): Verdict {
  const layers = published.filter(({ kind }) => kind === 'video')
  if (layers.some(({ limitation }) => limitation === 'cpu')) return { load: 'high', reason: 'cpu-limited' }
  // The layers of a publication are encoded one after the other.
  const perPublication = new Map<string | undefined, number>()
  for (const { publicationId, encodeBusy = 0 } of layers) {
    perPublication.set(publicationId, (perPublication.get(publicationId) ?? 0) + encodeBusy)
  }
  return verdictOf(Math.max(0, ...perPublication.values()), 'encode-time')
}

function receiveLoad({ received }: Pick<RoomStatistics, 'received'>): Verdict {
  const videos = received.filter(({ kind }) => kind === 'video')
  const decoding = verdictOf(Math.max(0, ...videos.map(({ decodeBusy = 0 }) => decodeBusy)), 'decode-time')
  if (decoding.load === 'high') return decoding
  const drops = videos.some(({ loss, framesDropped, framesDecoded }) => {
    const frames = framesDropped + framesDecoded
    return loss < noticeableLoss && frames > 0 && framesDropped / frames > noticeableDrops
  })
  return drops ? { load: 'high', reason: 'frames-dropped' } : decoding
}

function verdictOf(share: number, reason: AdaptationReason): Verdict {
  return { load: share > busy ? 'high' : share < relaxed ? 'low' : 'middle', reason }
}
