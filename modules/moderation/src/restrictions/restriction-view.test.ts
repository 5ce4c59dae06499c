import type { Restriction } from '@parley/contracts'
import { expect, test } from 'vitest'
import { RestrictionView } from './restriction-view.ts'

const mute = (id: string, given: Partial<Restriction> = {}): Restriction => ({
  id,
  userId: 'ann',
  kind: 'mute',
  createdAt: new Date(0).toISOString(),
  ...given,
})

test('MOD-30: a restriction holds up to the millisecond it names', async () => {
  let nowMs = 999
  const view = new RestrictionView({ read: async () => [mute('a', { untilMs: 1_000 })], now: () => nowMs })
  expect(await view.holding('p', 'ann', 'mute')).toMatchObject({ id: 'a' })
  nowMs = 1_000
  expect(await view.holding('p', 'ann', 'mute')).toBeUndefined()
})

test('news of a beginning that comes after the end changes nothing', async () => {
  const view = new RestrictionView({ read: async () => [] })
  await view.holding('p', 'ann', 'mute')
  expect(await view.created('p', mute('a'))).toBe(true)
  await view.ended('p', mute('a'))
  expect(await view.created('p', mute('a'))).toBe(false)
  expect(await view.holding('p', 'ann', 'mute')).toBeUndefined()
})

test('what is told while the view is read is not lost', async () => {
  let answer: (restrictions: Restriction[]) => void = () => undefined
  const view = new RestrictionView({ read: () => new Promise((resolve) => (answer = resolve)) })
  const holding = view.holding('p', 'ann', 'mute')
  const told = view.created('p', mute('b'))
  const lifted = view.ended('p', mute('a'))
  answer([mute('a')])
  await Promise.all([told, lifted, holding])
  expect(await view.holding('p', 'ann', 'mute')).toMatchObject({ id: 'b' })
})

test('a view that could not be read is read again', async () => {
  let tries = 0
  const view = new RestrictionView({
    read: async () => {
      if (++tries === 1) throw new Error('no database')
      return [mute('a')]
    },
  })
  await expect(view.holding('p', 'ann', 'mute')).rejects.toThrow('no database')
  expect(await view.holding('p', 'ann', 'mute')).toMatchObject({ id: 'a' })
})
