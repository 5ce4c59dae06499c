import { expect, test } from 'vitest'
import { PictureWait } from './picture-wait.ts'

function settled(loss: number, roundTripMs = 50): number | null {
  const wait = new PictureWait()
  let answer: number | null = null
  for (let turn = 0; turn < 30; turn++) answer = wait.update({ loss, roundTripMs })
  return answer
}

test('pictures wait for as many rounds of answers as the loss asks for, and never too long', () => {
  expect(settled(0.02)).toBeNull()
  expect(settled(0.1)).toBe(105 + 50)
  expect(settled(0.19)).toBe(105 + 2 * 50)
  expect(settled(0.3, 200)).toBe(320)
  expect(settled(0.3, 300)).toBe(110)
})

test('RTC-135: where much is lost they wait for the last attempts of the server', () => {
  expect(settled(0.3)).toBe(225)
  expect(settled(0.7)).toBe(225)
  expect(settled(0.7, 150)).toBe(225)
  expect(settled(0.7, 151)).toBe(320)
})

test('the wait rises at once and falls slowly', () => {
  const wait = new PictureWait()
  expect(wait.update({ loss: 0.5, roundTripMs: 50 })).toBe(225)
  expect(wait.update({ loss: 0, roundTripMs: 50 })).toBe(225)
  for (let turn = 0; turn < 40; turn++) wait.update({ loss: 0, roundTripMs: 50 })
  expect(wait.update({ loss: 0, roundTripMs: 50 })).toBeNull()
})
