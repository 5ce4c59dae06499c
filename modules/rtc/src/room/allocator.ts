import type { PublicationSource } from '@parley/contracts'

/** One way to send a video: a layer, all of its frames or the first part of them. */
export interface VideoStep {
  readonly layer: number
  /** Highest temporal layer that is sent; 7 is all. */
  readonly temporalLayer: number
  /** Bits a second. */
  readonly bitrate: number
}

/** A video that could be sent to a subscriber. */
export interface VideoRequest {
  readonly id: string
  readonly source: PublicationSource
  /** Its publisher speaks, or spoke just now. */
  readonly speaking: boolean
  /** Pixels of the element it is shown in; undefined counts as largest. */
  readonly pixels: number | undefined
  /** Ascending in bitrate; the last is as good as it is wanted. */
  readonly steps: readonly VideoStep[]
}

/** What a video gets. Without a step it is paused, for want of bandwidth. */
export interface VideoAllotment {
  readonly step: VideoStep | undefined
  /** It is not as good as it is wanted. */
  readonly limited: boolean
}

export interface AllocationInput {
  /** Bits a second that may be sent. */
  readonly target: number
  /** Of them, what sound takes: it is always sent. */
  readonly audioBitrate: number
  readonly videos: readonly VideoRequest[]
  readonly nowMs: number
}

/** More of something needs this much room, so that a small dip does not take it away again. */
const headroom = 1.15
/** What is sent may stand above the target by this for a moment, as its own rate moves. */
const tolerance = 1.1
/** The first in line is sent with this much too little room: half a picture is worth more than none. */
const firstTolerance = 1.3
const firstPatienceMs = 3_000
const maxPatienceMs = 60_000
/** Nothing at all is worth a try sooner. */
const maxDarkPatienceMs = 10_000
/** A rise that is taken back within this time has failed. */
const trialMs = 8_000
/** A path that carries so much more than at a rise that failed is another one. */
const widened = 1.5

interface Standing {
  rank: number
  loweredAtMs: number
  raisedAtMs: number
  patienceMs: number
  /** What there was beside sound when it was raised, in bits a second. */
  raisedWith: number
}

/** Bits a second beside sound, and when. */
interface Moment {
  readonly budget: number
  readonly nowMs: number
}

/**
 * Shares what a subscriber's path carries among the videos it wants. Sound first, then shared screens, then who
 * speaks, then by the size of the elements: everyone gets the smallest picture before anybody gets a better one, and a
 * screen gets its best before cameras do. What got less waits before it gets more again, longer each time it failed.
 */
export class Allocator {
  readonly #standings = new Map<string, Standing>()

  allocate({ target, audioBitrate, videos, nowMs }: AllocationInput): Map<string, VideoAllotment> {
    const present = new Set(videos.map(({ id }) => id))
    for (const id of this.#standings.keys()) if (!present.has(id)) this.#standings.delete(id)
    const inOrder = [...videos].sort(byPriority)
    const ranks = new Map<VideoRequest, number>(inOrder.map((video) => [video, -1]))
    const budget = Math.max(0, target - audioBitrate)
    const moment = { budget, nowMs }
    let spent = 0
    const raise = (video: VideoRequest, rank: number, more = 1): boolean => {
      const now = ranks.get(video) ?? -1
      const cost = (video.steps[rank]?.bitrate ?? 0) - (video.steps[now]?.bitrate ?? 0)
      const isNew = rank > (this.#standings.get(video.id)?.rank ?? Number.POSITIVE_INFINITY)
      if (isNew && !this.#mayRise(video, moment)) return false
      if (spent + cost * (isNew ? headroom : 1) > budget * (isNew ? 1 : tolerance) * more) return false
      ranks.set(video, rank)
      spent += cost
      return true
    }
    inOrder.forEach((video, index) => {
      if (index === 0 && budget > 0 && isLayeredScreen(video)) {
        ranks.set(video, 0)
        spent += video.steps[0]?.bitrate ?? 0
      } else if (video.steps.length > 0) raise(video, 0, index === 0 ? firstTolerance : 1)
    })
    // A screen to its best at once; the others step by step, so that none is far ahead.
    const [screens, cameras] = [inOrder.filter(isScreen), inOrder.filter((video) => !isScreen(video))]
    for (const group of [screens, cameras.filter(({ speaking }) => speaking), cameras]) {
      for (let grown = true; grown; ) {
        grown = false
        for (const video of group) {
          const rank = ranks.get(video) ?? -1
          if (rank < 0 || rank + 1 >= video.steps.length) continue
          grown = raise(video, rank + 1) || grown
        }
      }
    }
    return new Map(inOrder.map((video) => [video.id, this.#allotment(video, ranks.get(video) ?? -1, moment)]))
  }

  /** Bits a second that everything at its best would take: the path is tried out up to that. */
  static wanted({ audioBitrate, videos }: Pick<AllocationInput, 'audioBitrate' | 'videos'>): number {
    const best = videos.reduce((sum, { steps }) => sum + (steps.at(-1)?.bitrate ?? 0), 0)
    return (audioBitrate + best * headroom) * tolerance
  }

  #mayRise({ id }: VideoRequest, { budget, nowMs }: Moment): boolean {
    const standing = this.#standings.get(id)
    if (standing === undefined) return true
    const isWider = budget > widened * standing.raisedWith
    const most = isWider ? firstPatienceMs : standing.rank < 0 ? maxDarkPatienceMs : maxPatienceMs
    return nowMs - standing.loweredAtMs >= Math.min(most, standing.patienceMs)
  }

  #allotment(video: VideoRequest, rank: number, { budget, nowMs }: Moment): VideoAllotment {
    const last = video.steps.length - 1
    const known = this.#standings.get(video.id)
    const wasRank = known === undefined ? rank : Math.min(known.rank, last)
    const standing = known ?? {
      ...{ rank, patienceMs: firstPatienceMs, raisedWith: Number.POSITIVE_INFINITY },
      ...{ loweredAtMs: Number.NEGATIVE_INFINITY, raisedAtMs: Number.NEGATIVE_INFINITY },
    }
    if (rank < wasRank) {
      const failed = nowMs - standing.raisedAtMs < trialMs
      standing.patienceMs = failed ? Math.min(maxPatienceMs, standing.patienceMs * 2) : firstPatienceMs
      standing.loweredAtMs = nowMs
    } else if (rank > wasRank) {
      standing.raisedAtMs = nowMs
      standing.raisedWith = budget
    }
    standing.rank = rank
    this.#standings.set(video.id, standing)
    return { step: video.steps[rank], limited: rank < last }
  }
}

export function isScreen({ source }: VideoRequest): boolean {
  return source === 'screen'
}

/**
 * Its smallest layer is small, and still between pages: one that comes late is better than a pause, which ends with another
 * key frame.
 */
function isLayeredScreen(video: VideoRequest): boolean {
  return isScreen(video) && video.steps.some(({ layer }) => layer !== video.steps[0]?.layer)
}

function byPriority(one: VideoRequest, other: VideoRequest): number {
  const order = (video: VideoRequest): number => (isScreen(video) ? 0 : video.speaking ? 1 : 2)
  const pixels = ({ pixels = Number.MAX_SAFE_INTEGER }: VideoRequest): number => pixels
  return (
    order(one) - order(other) ||
    pixels(other) - pixels(one) ||
    (one.id < other.id ? -1 : one.id > other.id ? 1 : 0)
  )
}
