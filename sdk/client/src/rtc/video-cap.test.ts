import { expect, test } from 'vitest'
import { activeLayers, applyEncodings, cappedEncoding } from './video-cap.ts'

test('RTC-124: the lowest layer always stays, and nobody gets what nobody watches', () => {
  expect(activeLayers(undefined, 3, 0)).toEqual([true, true, true])
  expect(activeLayers([true, false, true], 3, 0)).toEqual([true, false, true])
  expect(activeLayers([true, false, true], 3, 2)).toEqual([true, false, false])
  expect(activeLayers(undefined, 3, 3)).toEqual([true, false, false])
  expect(activeLayers(undefined, 1, 3)).toEqual([true])
  expect(activeLayers([true, true], 3, 2)).toBeUndefined()
})

test('RTC-124: one encoding is scaled, layers are not, a screen keeps its size', () => {
  const base = { maxFramerate: undefined, scaleResolutionDownBy: 1 }
  const camera = (step: number, layers = 1) => cappedEncoding(base, { source: 'camera', layers, step })
  expect(camera(0)).toEqual(base)
  expect(camera(1)).toEqual({ maxFramerate: 20, scaleResolutionDownBy: 1 })
  expect(camera(2)).toEqual({ maxFramerate: 20, scaleResolutionDownBy: 2 })
  expect(camera(3)).toEqual({ maxFramerate: 15, scaleResolutionDownBy: 4 })
  expect(camera(3, 3)).toEqual({ maxFramerate: 15, scaleResolutionDownBy: 1 })
  const screen = (step: number) =>
    cappedEncoding({ maxFramerate: 15, scaleResolutionDownBy: 1 }, { source: 'screen', layers: 1, step })
  expect(screen(0)).toEqual({ maxFramerate: 15, scaleResolutionDownBy: 1 })
  expect(screen(2)).toEqual({ maxFramerate: 3.75, scaleResolutionDownBy: 1 })
})

test('RTC-124: what was capped is as it was made once the processor can carry it; nothing is set twice', async () => {
  const set: RTCRtpEncodingParameters[][] = []
  let encodings: RTCRtpEncodingParameters[] = [
    { rid: 'q', scaleResolutionDownBy: 2 },
    { rid: 'f', scaleResolutionDownBy: 1 },
  ]
  const sender = {
    getParameters: () => ({ encodings: structuredClone(encodings) }),
    setParameters: async (parameters: { encodings: RTCRtpEncodingParameters[] }) => {
      encodings = parameters.encodings
      set.push(encodings)
    },
  } as unknown as RTCRtpSender
  const full = structuredClone(encodings)
  const apply = (step: number, watched?: boolean[]) =>
    applyEncodings(sender, { source: 'camera', full, watched, step })
  await apply(0)
  expect(set).toEqual([])
  await apply(2, [true, true])
  await apply(2, [true, true])
  expect(set).toEqual([
    [
      { rid: 'q', active: true, scaleResolutionDownBy: 2, maxFramerate: 20 },
      { rid: 'f', active: false, scaleResolutionDownBy: 1, maxFramerate: 20 },
    ],
  ])
  await apply(0, [false, true])
  expect(encodings).toEqual([
    { rid: 'q', active: false, scaleResolutionDownBy: 2 },
    { rid: 'f', active: true, scaleResolutionDownBy: 1 },
  ])
})
