import { expect, test } from 'vitest'
import { Silence } from './silence.ts'

test('RTC-130: silence is what passes between looks that heard nothing', () => {
  const silence = new Silence(250, 0)
  silence.hear()
  expect(silence.look(250)).toBe(0)
  expect(silence.look(500)).toBe(250)
  expect(silence.look(740)).toBe(490)
  silence.hear()
  expect(silence.look(1_000)).toBe(0)
  expect(silence.look(1_250)).toBe(250)
})

test('RTC-131: a pause of who looks counts for two looks', () => {
  const silence = new Silence(250, 0)
  expect(silence.look(250)).toBe(250)
  expect(silence.look(600)).toBe(600)
  expect(silence.look(60_600)).toBe(1_100)
  silence.hear()
  expect(silence.look(120_000)).toBe(0)
})
