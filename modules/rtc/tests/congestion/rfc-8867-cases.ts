import { MediaFlow, type MediaFlowOptions, TcpFlow } from './flows.ts'
import { type Clock, type LinkOptions, randomOf, type Way } from './simulation.ts'

/** Where a case is played: on a virtual clock, or over sockets. */
export interface Stage {
  clock: Clock
  /** A direction of a path with what all cases share (RFC 8867 section 4): 50 ms, 300 ms of queue, some jitter. */
  way(options: LinkOptions): Way
}

/** What one flow, or all of them, made of a span of seconds. */
export interface Outcome {
  what: string
  seconds: readonly [from: number, to: number]
  /** Of what was there for it, 0 to 1; or Jain's index of fairness. */
  share?: number
  fairness?: number
  queueMs?: number
  loss?: number
  /** What is asked of them. */
  atLeast?: number
  queueAtMost?: number
  lossAtMost?: number
}

export interface Case {
  name: string
  seconds: number
  /** Sets everything going; what it answers judges the end. */
  begin(stage: Stage): () => Outcome[]
}

const mbps = 1e6

interface Scene {
  clock: Clock
  forward: Way
  way(own?: Partial<LinkOptions>): Way
  media(own?: Partial<MediaFlowOptions> & { seed?: number }): MediaFlow
}

function scene({ clock, way }: Stage, capacity: number, options: Partial<LinkOptions> = {}): Scene {
  const make = (own: Partial<LinkOptions> = {}) =>
    way({ capacity, oneWayMs: 50, jitterMs: 5, seed: 7, ...options, ...own })
  const forward = make()
  const feedback = way({ capacity: 100 * mbps })
  return {
    ...{ clock, forward },
    way: make,
    media: (own = {}) =>
      new MediaFlow({ clock, forward, backward: feedback, random: randomOf(own.seed ?? 11), ...own }),
  }
}

/** Changes of capacity: second to bits a second. */
function vary(clock: Clock, way: Way, steps: Record<number, number>): void {
  for (const [second, capacity] of Object.entries(steps)) {
    clock.at(Number(second) * 1e6, () => {
      way.capacity = capacity
    })
  }
}

function used(
  what: string,
  flow: MediaFlow,
  seconds: readonly [number, number],
  available: number,
  demands: Partial<Outcome> = {},
): Outcome & { share: number } {
  const { bitrate, queueMs, loss } = flow.over(...seconds)
  return { ...{ what, seconds, queueMs, loss }, share: bitrate / available, ...demands }
}

function together(
  what: string,
  flows: readonly MediaFlow[],
  seconds: readonly [number, number],
  available: number,
  demands: Partial<Outcome>,
): Outcome {
  const shares = flows.map((flow) => used(what, flow, seconds, available))
  const queueMs = Math.max(...shares.map((one) => one.queueMs ?? 0))
  return {
    ...{ what, seconds, queueMs },
    share: shares.reduce((sum, { share }) => sum + share, 0),
    ...demands,
  }
}

/** Jain's index: 1 when all have the same. */
function fair(
  what: string,
  flows: readonly MediaFlow[],
  seconds: readonly [number, number],
  atLeast: number,
): Outcome {
  const rates = flows.map((flow) => flow.over(...seconds).bitrate)
  const squares = rates.reduce((sum, rate) => sum + rate ** 2, 0)
  const fairness = rates.reduce((sum, rate) => sum + rate, 0) ** 2 / (rates.length * squares)
  return { what, seconds, fairness, atLeast }
}

/** The evaluation cases of RFC 8867, section 5, for media of 150 to 1,500 kbps. */
export const cases: readonly Case[] = [
  {
    name: '5.1 variable capacity, a single flow',
    seconds: 100,
    begin: (stage) => {
      const { clock, forward, media } = scene(stage, 1 * mbps)
      const flow = media()
      vary(clock, forward, { 40: 2.5 * mbps, 60: 0.6 * mbps, 80: 1 * mbps })
      const demands = { atLeast: 0.75, queueAtMost: 50, lossAtMost: 0.03 }
      return () => [
        used('1 Mbps', flow, [10, 40], 1 * mbps, demands),
        used('2.5 Mbps', flow, [50, 60], 1.5 * mbps, demands),
        used('0.6 Mbps', flow, [65, 80], 0.6 * mbps, demands),
        used('1 Mbps', flow, [85, 100], 1 * mbps, demands),
      ]
    },
  },
  {
    name: '5.2 variable capacity, two flows',
    seconds: 125,
    begin: (stage) => {
      const { clock, forward, media } = scene(stage, 4 * mbps)
      const flows = [media({ seed: 1 }), media({ seed: 2 })]
      vary(clock, forward, { 25: 2 * mbps, 50: 3.5 * mbps, 75: 1 * mbps, 100: 2 * mbps })
      const demands = { atLeast: 0.7, queueAtMost: 80 }
      return () => [
        together('4 Mbps', flows, [10, 25], 3 * mbps, demands),
        together('2 Mbps', flows, [30, 50], 2 * mbps, demands),
        together('3.5 Mbps', flows, [60, 75], 3 * mbps, demands),
        together('1 Mbps', flows, [80, 100], 1 * mbps, demands),
        together('2 Mbps', flows, [105, 125], 2 * mbps, demands),
      ]
    },
  },
  {
    name: '5.3 congested feedback',
    seconds: 100,
    begin: (stage) => {
      const { clock, forward, way, media } = scene(stage, 2 * mbps)
      const backward = way({ seed: 9 })
      const there = media({ forward, backward, seed: 1 })
      const back = media({ forward: backward, backward: forward, seed: 2 })
      vary(clock, forward, { 20: 1 * mbps, 40: 0.5 * mbps, 60: 2 * mbps })
      vary(clock, backward, { 35: 0.8 * mbps, 70: 2 * mbps })
      const demands = { atLeast: 0.65, queueAtMost: 80 }
      return () => [
        used('there, 1 Mbps', there, [25, 40], 1 * mbps, demands),
        used('there, 0.5 Mbps', there, [45, 60], 0.5 * mbps, demands),
        used('there, 2 Mbps', there, [75, 100], 1.5 * mbps, demands),
        used('back, 2 Mbps', back, [10, 35], 1.5 * mbps, demands),
        used('back, 0.8 Mbps', back, [42, 70], 0.8 * mbps, demands),
        used('back, 2 Mbps', back, [80, 100], 1.5 * mbps, demands),
      ]
    },
  },
  {
    name: '5.4 competing flows',
    seconds: 120,
    begin: (stage) => {
      const { media } = scene(stage, 3.5 * mbps)
      const flows = [0, 20_000, 40_000].map((beginMs, index) => media({ beginMs, seed: index + 1 }))
      return () => [
        fair('three flows', flows, [70, 120], 0.9),
        together('three flows', flows, [70, 120], 3.5 * mbps, { atLeast: 0.8 }),
      ]
    },
  },
  {
    name: '5.5 round trips of 20 to 300 ms',
    seconds: 300,
    begin: (stage) => {
      const { media } = scene(stage, 4 * mbps, { oneWayMs: 0 })
      const flows = [10, 25, 50, 100, 150].map((extraOneWayMs, index) =>
        media({ extraOneWayMs, beginMs: index * 10_000, seed: index + 1 }),
      )
      return () => [
        fair('five flows', flows, [100, 300], 0.8),
        ...flows.map((flow, index) =>
          used(`flow ${index + 1}`, flow, [100, 300], (4 * mbps) / 5, { atLeast: 0.4 }),
        ),
      ]
    },
  },
  {
    name: '5.6 beside a long TCP transfer',
    seconds: 120,
    begin: (stage) => {
      const { clock, forward, media } = scene(stage, 2 * mbps)
      const flow = media({ beginMs: 5_000 })
      const transfer = new TcpFlow({ clock, forward, beginMs: 0 })
      return () => [
        used('media', flow, [40, 120], 1 * mbps, { atLeast: 0.5 }),
        { what: 'TCP', seconds: [0, 120], share: transfer.receivedBits / 120 / mbps, atLeast: 0.5 },
      ]
    },
  },
  {
    name: '5.7 beside short TCP transfers',
    seconds: 300,
    begin: (stage) => {
      const { clock, forward, media } = scene(stage, 2 * mbps)
      const flows = [media({ beginMs: 5_000, seed: 1 }), media({ beginMs: 5_000, seed: 2 })]
      const random = randomOf(5)
      const transfers = Array.from({ length: 10 }, () => {
        // From 100 KB to 1 MB, at random times.
        const segments = Math.round((100_000 + random() * 900_000) / 1_460)
        return new TcpFlow({ clock, forward, beginMs: random() * 250_000, segments })
      })
      return () => [
        together('two flows', flows, [30, 300], 2 * mbps, { atLeast: 0.6 }),
        {
          what: 'transfers that ended',
          seconds: [0, 300],
          share: transfers.filter(({ finished }) => finished).length / transfers.length,
          atLeast: 1,
        },
      ]
    },
  },
  {
    name: '5.8 a flow that pauses',
    seconds: 120,
    begin: (stage) => {
      const { clock, media } = scene(stage, 3.5 * mbps)
      const flows = [0, 1, 2].map((seed) => media({ seed: seed + 1 }))
      const pause = (paused: boolean) => () => {
        if (flows[0]) flows[0].paused = paused
      }
      clock.at(40e6, pause(true))
      clock.at(60e6, pause(false))
      return () => [
        together('the others meanwhile', flows.slice(1), [45, 60], 3 * mbps, { atLeast: 0.75 }),
        fair('all after it', flows, [80, 120], 0.85),
      ]
    },
  },
]

/** What an outcome misses of its demands; empty when it meets them. */
export function missed({ share, fairness, queueMs, loss, ...demands }: Outcome): string[] {
  const { atLeast = 0, queueAtMost = Number.POSITIVE_INFINITY, lossAtMost = 1 } = demands
  return [
    ...(share !== undefined && share < atLeast ? [`share under ${atLeast}`] : []),
    ...(fairness !== undefined && fairness < atLeast ? [`fairness under ${atLeast}`] : []),
    ...((queueMs ?? 0) > queueAtMost ? [`queue above ${queueAtMost} ms`] : []),
    ...((loss ?? 0) > lossAtMost ? [`loss above ${lossAtMost}`] : []),
  ]
}

/** A line of the table. */
export function rowOf(name: string, outcome: Outcome): Record<string, string> {
  const { what, seconds, share, fairness, queueMs, loss } = outcome
  return {
    case: name,
    ...{ what, seconds: seconds.join('-') },
    used: share === undefined ? '' : `${Math.round(share * 100)} %`,
    fairness: fairness?.toFixed(2) ?? '',
    queue: queueMs === undefined ? '' : `${Math.round(queueMs)} ms`,
    loss: loss === undefined ? '' : `${(loss * 100).toFixed(1)} %`,
    missed: missed(outcome).join(', '),
  }
}
