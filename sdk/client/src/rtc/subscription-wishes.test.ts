import { expect, test } from 'vitest'
import { wishOf } from './subscription-wishes.ts'

const element = (width: number, height: number, visible = true) => ({ width, height, visible })

test('a track that was never shown is wanted in full', () => {
  expect(wishOf('pub', true, undefined, 2)).toEqual({ publicationId: 'pub', enabled: true })
})

test('the largest visible element counts, in device pixels and in steps', () => {
  const wish = wishOf('pub', true, [element(320, 180), element(500, 300), element(1920, 1080, false)], 2)
  expect(wish).toEqual({ publicationId: 'pub', enabled: true, width: 1024, height: 608 })
})

test('without a visible element, or switched off by the application, nothing is wanted', () => {
  const off = { publicationId: 'pub', enabled: false }
  expect(wishOf('pub', true, [], 1)).toEqual(off)
  expect(wishOf('pub', true, [element(320, 180, false), element(0, 0)], 1)).toEqual(off)
  expect(wishOf('pub', false, [element(320, 180)], 1)).toEqual(off)
})
