import { expect, test } from 'vitest'
import { remembered } from './remembered.ts'

test('RTC-194: what is chosen for a pair is chosen once, for another pair anew', () => {
  const asked: string[] = []
  const chosen = remembered((first: { name: string }, second: { name: string }) => {
    asked.push(first.name + second.name)
    return [first, second]
  })
  const [a, b, c] = [{ name: 'a' }, { name: 'b' }, { name: 'c' }]
  expect(chosen(a, b)).toBe(chosen(a, b))
  expect(chosen(a, c)).toEqual([a, c])
  expect(chosen(b, a)).toEqual([b, a])
  expect(chosen(a, b)).toEqual([a, b])
  // Equal is not the same.
  expect(chosen({ ...a }, b)).not.toBe(chosen(a, b))
  expect(asked).toEqual(['ab', 'ac', 'ba', 'ab'])
})
