import { readdirSync, rmSync } from 'node:fs'
import { newTestFolder } from '@parley/testing/postgres'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { lockFolder } from './folder-lock.ts'

let folder: string

beforeEach(() => {
  folder = newTestFolder()
})

afterEach(() => rmSync(folder, { recursive: true, force: true }))

test('one of many gets the lock, the others learn who has it', async () => {
  const attempts = await Promise.all(Array.from({ length: 12 }, () => lockFolder(folder)))
  const held = attempts.filter((attempt) => attempt.held)
  expect(held).toHaveLength(1)
  for (const attempt of attempts) if (!attempt.held) expect(attempt.holderPid).toBe(process.pid)
  await held[0]?.lock.close()
})

test('a released lock can be taken again', async () => {
  for (let i = 0; i < 3; i++) {
    const attempt = await lockFolder(folder)
    expect(attempt.held).toBe(true)
    if (attempt.held) await attempt.lock.close()
  }
})

test('what a dead holder left is taken by exactly one, round after round', async () => {
  for (let round = 0; round < 20; round++) {
    const attempts = await Promise.all(Array.from({ length: 8 }, () => lockFolder(folder)))
    const held = attempts.filter((attempt) => attempt.held)
    expect(held).toHaveLength(1)
    await held[0]?.lock.close()
    // Released and died look the same: a socket file that nobody serves.
    expect(readdirSync(folder)).toEqual([`lock.${round + 1}`])
  }
})
