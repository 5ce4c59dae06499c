import { describe, expect, test } from 'vitest'
import { redundantAudioFirst, videoEncodings, watchedEncodings } from './encodings.ts'

const camera = { source: 'camera', simulcast: undefined } as const

test('a camera of 480 lines or more has three layers, ascending; a smaller one has one', () => {
  const layers = videoEncodings({ ...camera, height: 720 })
  expect(layers.map(({ rid, scaleResolutionDownBy }) => [rid, scaleResolutionDownBy])).toEqual([
    ['q', 4],
    ['h', 2],
    ['f', 1],
  ])
  const rates = layers.map(({ maxBitrate = 0 }) => maxBitrate)
  expect(rates).toEqual([...rates].sort((one, other) => one - other))
  expect(videoEncodings({ ...camera, height: 480 })).toHaveLength(3)
  expect(videoEncodings({ ...camera, height: 479 })).toHaveLength(1)
})

test('the application decides where it says so', () => {
  expect(videoEncodings({ ...camera, height: 720, simulcast: false })).toHaveLength(1)
  expect(videoEncodings({ source: 'custom', height: 360, simulcast: true })).toHaveLength(3)
  expect(videoEncodings({ source: 'screen', height: 2160, simulcast: false })).toHaveLength(1)
})

test('RTC-73: VP9 and AV1 have their layers inside one stream where the browser can, else as the others', () => {
  for (const codec of ['vp9', 'av1'] as const) {
    expect(videoEncodings({ ...camera, height: 720, codec, scales: true })).toMatchObject([
      { scalabilityMode: 'L3T3_KEY' },
    ])
    expect(videoEncodings({ ...camera, height: 720, codec })).toHaveLength(3)
    expect(
      videoEncodings({ ...camera, height: 360, codec, scales: true })[0]?.scalabilityMode,
    ).toBeUndefined()
  }
  for (const codec of ['vp8', 'h264'] as const) {
    expect(videoEncodings({ ...camera, height: 720, codec, scales: true })).toHaveLength(3)
  }
})

describe('RTC-155: a screen', () => {
  const screen = { source: 'screen', height: 1080, simulcast: undefined } as const

  test.each(['vp8', 'vp9', 'av1', 'h264'] as const)(
    'of text is two streams in %s, without layers in time',
    (codec) => {
      expect(videoEncodings({ ...screen, codec, scales: true, contentHint: 'detail' })).toEqual([
        {
          ...{ rid: 'q', scaleResolutionDownBy: 2, maxFramerate: 5, maxBitrate: 200_000 },
          scalabilityMode: 'L1T2',
        },
        {
          ...{ rid: 'f', scaleResolutionDownBy: 1, maxFramerate: 15, maxBitrate: 2_500_000 },
          scalabilityMode: 'L1T1',
        },
      ])
    },
  )

  test('has 540 lines in its small stream, or as many as it has', () => {
    const scale = (height: number | undefined) =>
      videoEncodings({ ...screen, height })[0]?.scaleResolutionDownBy
    expect([2160, 1080, 720, 540, 300, undefined].map(scale)).toEqual([4, 2, 720 / 540, 1, 1, 2])
  })

  test('is told no modes where the browser has none', () => {
    for (const one of videoEncodings(screen)) expect(one.scalabilityMode).toBeUndefined()
  })

  test('of a film moves, in three sizes as a camera', () => {
    const film = videoEncodings({ ...screen, codec: 'vp9', scales: true, contentHint: 'motion' })
    expect(film.map(({ rid, scaleResolutionDownBy }) => [rid, scaleResolutionDownBy])).toEqual([
      ['q', 4],
      ['h', 2],
      ['f', 1],
    ])
    expect(film.at(-1)).toMatchObject({ maxFramerate: 30 })
  })
})

test('RTC-72: streams and upper spatial layers that nobody watches are not sent', () => {
  const streams = videoEncodings({ ...camera, height: 720 })
  expect(watchedEncodings(streams, [true, false, false])).toEqual([
    { active: true },
    { active: false },
    { active: false },
  ])
  const inside = videoEncodings({ ...camera, height: 720, codec: 'vp9', scales: true })
  const of = (...active: boolean[]) => watchedEncodings(inside, active)?.[0]
  expect(of(true, true, true)).toMatchObject({
    ...{ active: true, scalabilityMode: 'L3T3_KEY', scaleResolutionDownBy: 1 },
    maxBitrate: inside[0]?.maxBitrate,
  })
  expect(of(true, true, false)).toMatchObject({ scalabilityMode: 'L2T3_KEY', scaleResolutionDownBy: 2 })
  expect(of(true, false, false)).toMatchObject({ scalabilityMode: 'L1T3', scaleResolutionDownBy: 4 })
  expect(of(false, false, false)).toEqual({ active: false })
  // Before its layers are known to the server it is one.
  expect(of(true)).toEqual({ active: true })
  expect(watchedEncodings([{}], [true, true])).toBeUndefined()
})

test('RED goes first, the others keep their order', () => {
  const codecs = ['audio/opus', 'audio/red', 'audio/PCMU'].map((mimeType) => ({ mimeType }))
  expect(redundantAudioFirst(codecs).map(({ mimeType }) => mimeType)).toEqual([
    'audio/red',
    'audio/opus',
    'audio/PCMU',
  ])
})
