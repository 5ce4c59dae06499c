import { expect, test } from 'vitest'
import { PlayoutTarget } from './playout-target.ts'

function settled(loss: number): number | null {
  const target = new PlayoutTarget()
  let answer: number | null = null
  for (let turn = 0; turn < 30; turn++) answer = target.update(loss)
  return answer
}

test('media waits the longer, the more is lost; a good path is left to the browser', () => {
  expect(settled(0)).toBeNull()
  expect(settled(0.02)).toBeNull()
  const targets = [0.05, 0.2, 0.5, 0.7, 0.9].map((loss) => settled(loss) ?? 0)
  expect(targets).toEqual([...targets].sort((one, other) => one - other))
  expect(targets[0]).toBeLessThan(150)
  expect(targets.at(-1)).toBe(400)
})

test('it rises within two intervals and falls slowly', () => {
  const target = new PlayoutTarget()
  target.update(0.6)
  const high = target.update(0.6) ?? 0
  expect(high).toBeGreaterThan(200)
  expect(target.update(0) ?? 0).toBeGreaterThan(150)
  for (let turn = 0; turn < 40; turn++) target.update(0)
  expect(target.update(0)).toBeNull()
})
