import { expect, test } from 'vitest'
import { redundantAudioFirst, videoEncodings } from './encodings.ts'

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

test('the application decides where it says so; a screen has one layer whatever its size', () => {
  expect(videoEncodings({ ...camera, height: 720, simulcast: false })).toHaveLength(1)
  expect(videoEncodings({ source: 'custom', height: 360, simulcast: true })).toHaveLength(3)
  expect(videoEncodings({ source: 'screen', height: 2160, simulcast: true })).toHaveLength(1)
})

test('RED goes first, the others keep their order', () => {
  const codecs = ['audio/opus', 'audio/red', 'audio/PCMU'].map((mimeType) => ({ mimeType }))
  expect(redundantAudioFirst(codecs).map(({ mimeType }) => mimeType)).toEqual([
    'audio/red',
    'audio/opus',
    'audio/PCMU',
  ])
})
