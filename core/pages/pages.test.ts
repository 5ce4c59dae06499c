import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeCursor, decodeNumberCursor, decodeRowCursor, encodeCursor, toPage } from './pages.ts'

const refused = expect.objectContaining({ code: 'invalid-cursor' })
const storable = fc
  .string({ unit: 'grapheme', minLength: 1 })
  .filter((text) => text.isWellFormed() && !text.includes('\0'))

test('pages of any size tell every row once, in order', () => {
  fc.assert(
    fc.property(fc.uniqueArray(storable), fc.integer({ min: 1, max: 7 }), (names, limit) => {
      const sorted = [...names].sort()
      const told: string[] = []
      let cursor: string | undefined
      do {
        const after = decodeCursor(cursor) ?? ''
        const rows = sorted.filter((name) => name > after).slice(0, limit + 1)
        const page = toPage(rows, limit, { keyOf: (name) => name, itemOf: (name) => name })
        expect(page.items.length).toBeLessThanOrEqual(limit)
        told.push(...page.items)
        cursor = page.nextCursor
      } while (cursor !== undefined)
      expect(told).toEqual(sorted)
    }),
  )
})

test('a page that holds everything has no cursor', () => {
  const keys = { keyOf: (row: number) => row, itemOf: (row: number) => row }
  expect(toPage([], 2, keys)).toEqual({ items: [] })
  expect(toPage([1, 2], 2, keys)).toEqual({ items: [1, 2] })
  expect(toPage([1, 2, 3], 2, keys)).toEqual({ items: [1, 2], nextCursor: encodeCursor(2) })
})

test('keys of several columns come back as they were', () => {
  fc.assert(
    fc.property(storable, fc.maxSafeInteger(), (text, number) => {
      const cursor = encodeCursor([text, number, '2026-01-02 03:04:05.678901+00'])
      expect(decodeRowCursor(cursor, ['text', 'integer', 'time'])).toEqual([
        ...[text, number],
        '2026-01-02 03:04:05.678901+00',
      ])
    }),
  )
})

test('what no list gave out is refused, however it looks', () => {
  const base64 = (text: string) => Buffer.from(text).toString('base64url')
  expect(decodeCursor(undefined)).toBeUndefined()
  expect(decodeRowCursor(undefined, ['text'])).toBeUndefined()
  for (const cursor of ['', 'x', '%%%', base64('a\0b'), `${base64('ab')}=`, 'gICA'])
    expect(() => decodeCursor(cursor), cursor).toThrow(refused)
  for (const text of ['-1', '1.5', '01', '1e3', 'x', '9007199254740993'])
    expect(() => decodeNumberCursor(base64(text)), text).toThrow(refused)
  for (const text of [
    '{}',
    '[',
    '["a"]',
    '["a",1,2]',
    '["a","1"]',
    '["\\u0000",1]',
    '["\\ud800",1]',
    '["a",1.5]',
  ])
    expect(() => decodeRowCursor(base64(text), ['text', 'integer']), text).toThrow(refused)
  for (const time of ['never', 'x 1', '2026-02-30 00:00:00+00', '2026-01-01 24:00:00+00', '2026-01-01'])
    expect(() => decodeRowCursor(encodeCursor([time]), ['time']), time).toThrow(refused)
})
