import { expect, test } from 'vitest'
import { SerialRun } from './serial-run.ts'

function controlled() {
  const ends: { resolve: () => void; reject: (error: Error) => void }[] = []
  let running = 0
  let most = 0
  const serial = new SerialRun(async () => {
    most = Math.max(most, ++running)
    try {
      await new Promise<void>((resolve, reject) => ends.push({ resolve, reject }))
    } finally {
      running--
    }
  })
  return { serial, ends, most: () => most }
}

const turn = () => new Promise((resolve) => setTimeout(resolve))

test('calls during a run share one next run, which begins after it', async () => {
  const { serial, ends, most } = controlled()
  const first = serial.run()
  const second = serial.run()
  const third = serial.run()
  expect(second).toBe(third)
  expect(ends).toHaveLength(1)
  ends[0]?.resolve()
  await first
  await turn()
  expect(ends).toHaveLength(2)
  ends[1]?.resolve()
  await Promise.all([second, third])
  expect(most()).toBe(1)
})

test('a run that fails does so for its callers only', async () => {
  const { serial, ends } = controlled()
  const first = serial.run()
  const second = serial.run()
  ends[0]?.reject(new Error('no'))
  await expect(first).rejects.toThrow('no')
  await turn()
  ends[1]?.resolve()
  await second
})

test('a call in the turn in which a run ends does not run beside the next', async () => {
  const { serial, ends, most } = controlled()
  const first = serial.run()
  const late = first.then(() => serial.run())
  const second = serial.run()
  ends[0]?.resolve()
  await turn()
  for (const { resolve } of ends) resolve()
  await turn()
  for (const { resolve } of ends) resolve()
  await Promise.all([first, second, late])
  expect(most()).toBe(1)
})
