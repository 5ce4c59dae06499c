import { expect, test } from 'vitest'
import { chooseLayer, largestSize } from './layers.ts'

const layer = (width: number, available = true) => ({ available, width, height: (width * 9) / 16 })
const wanted = (width: number) => ({ width, height: (width * 9) / 16 })

test('RTC-13: the smallest running layer that fills the element is sent', () => {
  const layers = [layer(320), layer(640), layer(1280)]
  expect(chooseLayer(layers, wanted(200))).toBe(0)
  expect(chooseLayer(layers, wanted(360))).toBe(0)
  expect(chooseLayer(layers, wanted(400))).toBe(1)
  expect(chooseLayer(layers, wanted(4000))).toBe(2)
  expect(chooseLayer(layers, { width: undefined, height: undefined })).toBe(2)
  expect(chooseLayer([layer(320), layer(640), layer(1280, false)], wanted(1280))).toBe(1)
  expect(chooseLayer([layer(1280), layer(320)], wanted(200))).toBe(1)
  expect(chooseLayer([layer(320, false)], wanted(320))).toBeUndefined()
})

test('RTC-13: layers whose size nobody told ascend in the order of the offer', () => {
  const unknown = { available: true, width: undefined, height: undefined }
  expect(chooseLayer([unknown, unknown], wanted(100))).toBe(1)
  expect(largestSize([unknown])).toBeUndefined()
})
