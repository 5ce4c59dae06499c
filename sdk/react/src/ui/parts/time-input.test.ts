import { expect, test } from 'vitest'
import { localInput, timeZone } from './time-input.ts'

test('a field of a time holds local time, and gives back the same moment', () => {
  for (const at of ['2026-01-05T08:07:06', '2026-07-31T23:59:59', '2024-02-29T00:00:00']) {
    const moment = new Date(at)
    expect(localInput(moment)).toBe(at)
    expect(new Date(localInput(moment)).getTime()).toBe(moment.getTime())
  }
})

test('a zone is named also where the time is not one', () => {
  const { timeZone: zone } = Intl.DateTimeFormat().resolvedOptions()
  expect(timeZone(new Date('nothing'), 'en')).toContain(zone)
})
