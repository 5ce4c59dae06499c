import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type PolicySession, sessionsToKick } from './device-policy.ts'

const session = (
  sessionId: string,
  openedAt: number,
  platform = 'web',
  deviceId = sessionId,
): PolicySession => ({
  sessionId,
  deviceId,
  platform,
  openedAt,
})

test('IDENT-50: the same device keeps its newest session', () => {
  const kicked = sessionsToKick([session('a', 1, 'web', 'd'), session('b', 2, 'web', 'd')], {
    maxPerPlatform: 5,
    maxTotal: 5,
  })
  expect([...kicked]).toEqual([['a', 'replaced']])
})

test('IDENT-51: the oldest session of a full platform goes', () => {
  const sessions = [session('c', 3), session('a', 1), session('b', 2), session('i', 0, 'ios')]
  expect([...sessionsToKick(sessions, { maxPerPlatform: 2, maxTotal: 9 })]).toEqual([['a', 'platform-limit']])
})

test('IDENT-51: the oldest sessions go when there are too many in all', () => {
  const sessions = [session('a', 1), session('b', 2, 'ios'), session('c', 3, 'android')]
  expect([...sessionsToKick(sessions, { maxPerPlatform: 9, maxTotal: 2 })]).toEqual([['a', 'total-limit']])
})

test('IDENT-51: what stays fits the policy, the newest always stays, and order of reading does not matter', () => {
  const sessions = fc.uniqueArray(
    fc.record({
      sessionId: fc.string({ minLength: 1, maxLength: 3 }),
      deviceId: fc.constantFrom('d1', 'd2', 'd3', 'd4', 'd5'),
      platform: fc.constantFrom('web', 'ios'),
      openedAt: fc.integer({ min: 0, max: 5 }),
    }),
    { selector: (value) => value.sessionId, maxLength: 12 },
  )
  const policy = fc.record({
    maxPerPlatform: fc.integer({ min: 1, max: 3 }),
    maxTotal: fc.integer({ min: 1, max: 4 }),
  })
  fc.assert(
    fc.property(sessions, policy, (given, limits) => {
      const kicked = sessionsToKick(given, limits)
      expect(sessionsToKick([...given].reverse(), limits)).toEqual(kicked)
      const staying = given.filter((one) => !kicked.has(one.sessionId))
      expect(staying.length).toBeLessThanOrEqual(limits.maxTotal)
      for (const platform of ['web', 'ios']) {
        const onPlatform = staying.filter((one) => one.platform === platform)
        expect(onPlatform.length).toBeLessThanOrEqual(limits.maxPerPlatform)
      }
      expect(new Set(staying.map((one) => one.deviceId)).size).toBe(staying.length)
      if (given.length > 0) expect(staying.length).toBeGreaterThan(0)
      // Those who stay do so when asked again: two processes do not kick more than one would.
      expect(sessionsToKick(staying, limits).size).toBe(0)
    }),
  )
})
