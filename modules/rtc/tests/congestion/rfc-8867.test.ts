import { expect, test } from 'vitest'
import { MediaFlow, type MediaFlowOptions, TcpFlow } from './flows.ts'
import { Link, type LinkOptions, randomOf, VirtualClock } from './simulation.ts'

/** What all cases share (RFC 8867 section 4): 50 ms each way, 300 ms of queue, jitter; media of 150 to 1,500 kbps. */
function path(capacity: number, options: Partial<LinkOptions> = {}) {
  const clock = new VirtualClock()
  const link = (own: Partial<LinkOptions>) =>
    new Link(clock, { capacity, jitterMs: 5, seed: 7, ...options, ...own })
  const forward = link({})
  const media = (own: Partial<MediaFlowOptions> & { seed?: number } = {}) =>
    new MediaFlow({ clock, forward, random: randomOf(own.seed ?? 11), ...own })
  return { clock, forward, link, media }
}

/** Changes of capacity: second to bits a second. */
function vary(clock: VirtualClock, link: Link, steps: Record<number, number>): void {
  for (const [second, capacity] of Object.entries(steps)) {
    clock.at(Number(second) * 1e6, () => {
      link.capacity = capacity
    })
  }
}

interface Row {
  case: string
  seconds: string
  share: string
  queueMs: number
  loss: string
}
const rows: Row[] = []

/** A line of the table: how much of what was there for it a flow used in a span, and what that cost. */
function use(name: string, flow: MediaFlow, [from, to]: [number, number], available: number) {
  const { bitrate, queueMs, loss } = flow.over(from, to)
  const share = bitrate / available
  rows.push({
    case: name,
    seconds: `${from}-${to}`,
    share: `${Math.round(share * 100)} %`,
    queueMs: Math.round(queueMs),
    loss: `${(loss * 100).toFixed(1)} %`,
  })
  return { share, queueMs, loss }
}

/** Jain's index: 1 when all have the same. */
function fairness(shares: readonly number[]): number {
  const sum = shares.reduce((total, share) => total + share, 0)
  return sum ** 2 / (shares.length * shares.reduce((total, share) => total + share ** 2, 0))
}

test('RFC 8867 5.1: variable capacity with a single flow', () => {
  const { clock, forward, media } = path(1e6)
  const flow = media()
  vary(clock, forward, { 40: 2.5e6, 60: 0.6e6, 80: 1e6 })
  clock.runUntil(100e6)
  for (const [span, available] of [
    [[10, 40], 1e6],
    [[50, 60], 1.5e6],
    [[65, 80], 0.6e6],
    [[85, 100], 1e6],
  ] as const) {
    const { share, queueMs, loss } = use('5.1', flow, [span[0], span[1]], available)
    expect(share).toBeGreaterThan(0.75)
    expect(queueMs).toBeLessThan(50)
    expect(loss).toBeLessThan(0.03)
  }
})

test('RFC 8867 5.2: variable capacity with two flows', () => {
  const { clock, forward, media } = path(4e6)
  const flows = [media({ seed: 1 }), media({ seed: 2 })]
  vary(clock, forward, { 25: 2e6, 50: 3.5e6, 75: 1e6, 100: 2e6 })
  clock.runUntil(125e6)
  for (const [span, available] of [
    [[10, 25], 3e6],
    [[30, 50], 2e6],
    [[60, 75], 3e6],
    [[80, 100], 1e6],
    [[105, 125], 2e6],
  ] as const) {
    const used = flows.map((flow) => use('5.2', flow, [span[0], span[1]], available / 2))
    expect(used.reduce((sum, { share }) => sum + share / 2, 0)).toBeGreaterThan(0.7)
    for (const { queueMs } of used) expect(queueMs).toBeLessThan(80)
  }
})

test('RFC 8867 5.3: the way back of the feedback is congested, too', () => {
  const { clock, forward, link, media } = path(2e6)
  const backward = link({ seed: 9 })
  const there = media({ forward, backward, seed: 1 })
  const back = media({ forward: backward, backward: forward, seed: 2 })
  vary(clock, forward, { 20: 1e6, 40: 0.5e6, 60: 2e6 })
  vary(clock, backward, { 35: 0.8e6, 70: 2e6 })
  clock.runUntil(100e6)
  for (const [flow, span, available] of [
    [there, [25, 40], 1e6],
    [there, [45, 60], 0.5e6],
    [there, [75, 100], 1.5e6],
    [back, [10, 35], 1.5e6],
    [back, [42, 70], 0.8e6],
    [back, [80, 100], 1.5e6],
  ] as const) {
    const { share, queueMs } = use('5.3', flow, [span[0], span[1]], available)
    expect(share).toBeGreaterThan(0.65)
    expect(queueMs).toBeLessThan(80)
  }
})

test('RFC 8867 5.4: flows with the same control share a path', () => {
  const { clock, media } = path(3.5e6)
  const flows = [0, 20_000, 40_000].map((beginMs, index) => media({ beginMs, seed: index + 1 }))
  clock.runUntil(120e6)
  const used = flows.map((flow) => use('5.4', flow, [70, 120], 3.5e6 / 3))
  expect(fairness(used.map(({ share }) => share))).toBeGreaterThan(0.9)
  expect(used.reduce((sum, { share }) => sum + share / 3, 0)).toBeGreaterThan(0.8)
})

test('RFC 8867 5.5: a longer way is no disadvantage', () => {
  const { clock, media } = path(4e6, { oneWayMs: 0 })
  const flows = [10, 25, 50, 100, 150].map((extraOneWayMs, index) =>
    media({ extraOneWayMs, beginMs: index * 10_000, seed: index + 1 }),
  )
  clock.runUntil(300e6)
  const used = flows.map((flow) => use('5.5', flow, [100, 300], 4e6 / 5))
  expect(fairness(used.map(({ share }) => share))).toBeGreaterThan(0.8)
  expect(Math.min(...used.map(({ share }) => share))).toBeGreaterThan(0.4)
})

test('RFC 8867 5.6: a long TCP transfer starves nobody and is not starved', () => {
  const { clock, forward, media } = path(2e6)
  const flow = media({ beginMs: 5_000 })
  const transfer = new TcpFlow({ clock, forward, beginMs: 0 })
  clock.runUntil(120e6)
  const { share } = use('5.6', flow, [40, 120], 1e6)
  expect(share).toBeGreaterThan(0.5)
  expect(transfer.receivedBits / 120 / 1e6).toBeGreaterThan(0.5)
})

test('RFC 8867 5.7: short TCP transfers come and go', () => {
  const { clock, forward, media } = path(2e6)
  const flows = [media({ beginMs: 5_000, seed: 1 }), media({ beginMs: 5_000, seed: 2 })]
  const random = randomOf(5)
  const transfers: TcpFlow[] = []
  for (let count = 0; count < 10; count++) {
    // From 100 KB to 1 MB, at random times.
    const segments = Math.round((100_000 + random() * 900_000) / 1_460)
    transfers.push(new TcpFlow({ clock, forward, beginMs: random() * 250_000, segments }))
  }
  clock.runUntil(300e6)
  const used = flows.map((flow) => use('5.7', flow, [30, 300], 1e6))
  expect(used.reduce((sum, { share }) => sum + share / 2, 0)).toBeGreaterThan(0.6)
  for (const transfer of transfers) expect(transfer.finished).toBe(true)
})

test('RFC 8867 5.8: a flow that pauses finds its place again', () => {
  const { clock, media } = path(3.5e6)
  const flows = [0, 1, 2].map((seed) => media({ seed: seed + 1 }))
  const [first] = flows
  clock.at(40e6, () => {
    if (first) first.paused = true
  })
  clock.at(60e6, () => {
    if (first) first.paused = false
  })
  clock.runUntil(120e6)
  const others = flows.slice(1).map((flow) => use('5.8 others', flow, [45, 60], 1.5e6))
  expect(others.reduce((sum, { share }) => sum + share / 2, 0)).toBeGreaterThan(0.75)
  const used = flows.map((flow) => use('5.8', flow, [80, 120], 3.5e6 / 3))
  expect(fairness(used.map(({ share }) => share))).toBeGreaterThan(0.85)
})

test('random loss does not push the rate down, and is told apart', () => {
  for (const loss of [0.02, 0.1, 0.3, 0.5, 0.7]) {
    const { clock, media } = path(3e6, { loss })
    const flow = media()
    clock.runUntil(60e6)
    const { share } = use(`random loss ${loss * 100} %`, flow, [20, 60], 1.5e6 * (1 - loss))
    expect(share).toBeGreaterThan(0.8)
    expect(flow.controller.facts.lossKind).toBe('random')
  }
})

test('loss by a queue too short to be seen by its delay pushes the rate down', () => {
  const { clock, media } = path(0.8e6, { queueMs: 25, jitterMs: 0 })
  const flow = media()
  clock.runUntil(60e6)
  const { share, loss } = use('short queue', flow, [20, 60], 0.8e6)
  expect(loss).toBeLessThan(0.1)
  expect(share).toBeGreaterThan(0.55)
  expect(flow.controller.facts.lossKind).not.toBe('random')
})

test('the table of all cases', () => {
  expect(rows.length).toBeGreaterThan(30)
  if (process.env.PARLEY_TABLES !== undefined) console.table(rows)
})
