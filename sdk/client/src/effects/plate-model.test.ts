import { expect, test } from 'vitest'
import { PlateModel } from './plate-model.ts'

const width = 80
const height = 45

/** A wall with a gradient and the trembling of a camera; `person` covers a block from the bottom up. */
function picture({ person, gain = 1, seed }: { person: boolean; gain?: number; seed: number }) {
  const rgba = new Uint8ClampedArray(width * height * 4)
  let state = seed
  const tremble = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
    return (state / 2 ** 31) * 5
  }
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const isPerson = person && x >= 30 && x < 50 && y >= 12
      // The middle of the person has the colours of the wall.
      const isLikeWall = x >= 37 && x < 43 && y >= 25 && y < 32
      const wall = [90 + x, 110 + x, 140 + y]
      const [red = 0, green = 0, blue = 0] = isPerson && !isLikeWall ? [190, 120, 95] : wall
      rgba.set(
        [red * gain + tremble(), green * gain + tremble(), blue * gain + tremble(), 255],
        (y * width + x) * 4,
      )
    }
  }
  return rgba
}

function segmented(gain = 1) {
  const model = new PlateModel(width, height)
  for (let seed = 1; seed <= 20; seed++) model.learn(picture({ person: false, seed }))
  const alpha = new Uint8ClampedArray(width * height)
  for (let seed = 31; seed < 41; seed++) model.segment(picture({ person: true, gain, seed }), alpha)
  return { model, alpha, at: (x: number, y: number) => alpha[y * width + x] ?? -1 }
}

test('RTC-122: what differs from the empty room is person, also where it looks like the wall', () => {
  const { at } = segmented()
  expect(at(33, 20)).toBeGreaterThan(230)
  expect(at(40, 28)).toBeGreaterThan(230)
  expect(at(10, 20)).toBeLessThan(10)
  expect(at(70, 40)).toBeLessThan(10)
})

test('RTC-122: the room stays room when the camera sets its exposure anew', () => {
  const { at } = segmented(0.88)
  expect(at(40, 20)).toBeGreaterThan(200)
  expect(at(10, 20)).toBeLessThan(10)
  expect(at(70, 10)).toBeLessThan(10)
})

test('RTC-122: nobody in the picture, no person', () => {
  const { model, alpha } = segmented()
  for (let seed = 50; seed < 70; seed++) model.segment(picture({ person: false, seed }), alpha)
  expect(Math.max(...alpha)).toBeLessThan(10)
})
