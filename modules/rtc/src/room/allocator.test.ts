import { describe, expect, test } from 'vitest'
import { Allocator, type VideoRequest } from './allocator.ts'

const simulcast = [
  { layer: 0, temporalLayer: 0, bitrate: 60_000 },
  { layer: 0, temporalLayer: 7, bitrate: 120_000 },
  { layer: 1, temporalLayer: 7, bitrate: 450_000 },
  { layer: 2, temporalLayer: 7, bitrate: 1_500_000 },
]
const camera = (id: string, more: Partial<VideoRequest> = {}): VideoRequest => ({
  ...{ id, source: 'camera', speaking: false, pixels: 640 * 360, steps: simulcast },
  ...more,
})
const screen = camera('screen', {
  source: 'screen',
  steps: [{ layer: 0, temporalLayer: 7, bitrate: 800_000 }],
})
const audioBitrate = 40_000

/** What each gets: its layer, `0'` for a part of its frames, `-` for nothing. */
function shares(allocator: Allocator, target: number, videos: readonly VideoRequest[], nowMs = 0): string {
  const allotments = allocator.allocate({ target, audioBitrate, videos, nowMs })
  return videos
    .map(({ id }) => {
      const step = allotments.get(id)?.step
      return step === undefined ? '-' : `${step.layer}${step.temporalLayer === 7 ? '' : "'"}`
    })
    .join(' ')
}

describe('RTC-17: what a path carries is shared by importance', () => {
  const two = [camera('a'), camera('b')]
  const speaking = [camera('a'), camera('b', { speaking: true })]
  const sized = [camera('a', { pixels: 1_000 }), camera('b')]
  test.each([
    ['one with room gets its best', 5_000_000, [camera('a')], '2'],
    ['one on half a megabit gets the middle', 640_000, [camera('a')], '1'],
    ['one on 300 kbit/s gets the small one', 300_000, [camera('a')], '0'],
    ['one on 120 kbit/s gets half of its frames', 120_000, [camera('a')], "0'"],
    ['nothing but sound on 60 kbit/s', 60_000, [camera('a')], '-'],
    ['two get the same before one gets more', 1_200_000, two, '1 1'],
    ['who speaks gets more', 700_000, speaking, '0 1'],
    ['the larger element comes first', 700_000, sized, '0 1'],
    ['a screen comes before a camera', 1_050_000, [camera('a'), screen], '0 0'],
    ['a camera gives way before a screen', 845_000, [camera('a'), screen], "0' 0"],
    ['a screen is sent with a little too little room', 750_000, [camera('a'), screen], '- 0'],
    ['all are small before one is paused', 420_000, [camera('a'), camera('b'), camera('c')], '0 0 0'],
    ['the least important is paused first', 180_000, [camera('a'), camera('b'), camera('c')], "0' 0' -"],
  ])('%s', (_, target, videos, expected) => {
    expect(shares(new Allocator(), target, videos)).toBe(expected)
  })

  test('RTC-158: a screen in two sizes is not paused while there is anything left beside sound', () => {
    const layered = camera('screen', {
      source: 'screen',
      steps: [
        { layer: 0, temporalLayer: 7, bitrate: 150_000 },
        { layer: 1, temporalLayer: 7, bitrate: 1_000_000 },
      ],
    })
    const videos = [camera('a'), layered]
    const allocator = new Allocator()
    expect(shares(allocator, 1_400_000, videos)).toBe('1 1')
    expect(shares(allocator, 300_000, videos, 1_000)).toBe('0 0')
    expect(shares(allocator, 80_000, videos, 2_000)).toBe('- 0')
    expect(shares(allocator, 40_000, videos, 3_000)).toBe('- -')
  })

  test('what is not as good as it is wanted says so', () => {
    const input = { audioBitrate, videos: [camera('a')], nowMs: 0 }
    expect(new Allocator().allocate({ ...input, target: 640_000 }).get('a')?.limited).toBe(true)
    expect(new Allocator().allocate({ ...input, target: 3_000_000 }).get('a')?.limited).toBe(false)
    expect(new Allocator().allocate({ ...input, target: 0 }).get('a')).toEqual({
      step: undefined,
      limited: true,
    })
  })
})

describe('RTC-17: it goes down at once and comes back slowly', () => {
  test('a target that trembles around a step changes nothing', () => {
    const allocator = new Allocator()
    shares(allocator, 1_900_000, [camera('a')])
    const seen = [1_600_000, 1_450_000, 1_550_000, 1_440_000].map((target, index) =>
      shares(allocator, target, [camera('a')], index * 1_000),
    )
    expect(seen).toEqual(['2', '2', '2', '2'])
    const lower = new Allocator()
    shares(lower, 1_000_000, [camera('a')])
    expect(shares(lower, 1_600_000, [camera('a')], 60_000)).toBe('1')
    expect(shares(lower, 1_800_000, [camera('a')], 61_000)).toBe('2')
  })

  test('who went down waits, and longer after a rise that failed', () => {
    const allocator = new Allocator()
    const at = (seconds: number, target: number) => shares(allocator, target, [camera('a')], seconds * 1_000)
    expect(at(0, 3_000_000)).toBe('2')
    expect(at(20, 700_000)).toBe('1')
    expect(at(21, 3_000_000)).toBe('1')
    expect(at(23.5, 3_000_000)).toBe('2')
    expect(at(25, 700_000)).toBe('1')
    expect(at(30, 3_000_000)).toBe('1')
    expect(at(31.5, 3_000_000)).toBe('2')
  })

  test('RTC-181: a path that carries half as much again as at the failure is another one', () => {
    const failed = () => {
      const allocator = new Allocator()
      const at = (seconds: number, target: number) =>
        shares(allocator, target, [camera('a')], seconds * 1_000)
      at(0, 1_800_000)
      at(20, 700_000)
      expect(at(24, 1_800_000)).toBe('2')
      expect(at(25, 700_000)).toBe('1')
      return at
    }
    expect(failed()(29, 1_900_000)).toBe('1')
    expect(failed()(29, 2_800_000)).toBe('2')
  })

  test('what was paused comes back when there is room', () => {
    const allocator = new Allocator()
    expect(shares(allocator, 50_000, [camera('a')])).toBe('-')
    expect(shares(allocator, 700_000, [camera('a')], 4_000)).toBe('1')
  })

  test('a video that ended is forgotten', () => {
    const allocator = new Allocator()
    shares(allocator, 3_000_000, [camera('a')])
    shares(allocator, 100_000, [camera('a')], 1_000)
    shares(allocator, 100_000, [], 1_100)
    expect(shares(allocator, 3_000_000, [camera('a')], 1_200)).toBe('2')
  })
})

test('RTC-17: the path is tried out up to what everything at its best would take', () => {
  expect(Allocator.wanted({ audioBitrate: 0, videos: [] })).toBe(0)
  const all = Allocator.wanted({ audioBitrate, videos: [camera('a'), screen] })
  expect(all).toBeGreaterThan(2_340_000)
  expect(all).toBeLessThan(3_500_000)
})
