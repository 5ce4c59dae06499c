import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RowHeights } from './row-heights.ts'

const keysOf = (count: number) => Array.from({ length: count }, (_, index) => `row ${index}`)

describe('heights of rows', () => {
  test('stand where plain addition says, whatever was measured and prepended', () => {
    const change = fc.oneof(
      fc.record({ measure: fc.nat(59), height: fc.integer({ min: 0, max: 400 }) }),
      fc.record({ from: fc.nat(40) }),
    )
    fc.assert(
      fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
        const all = keysOf(60)
        const rows = new RowHeights(50)
        let from = 30
        const known = new Map<string, number>()
        let heights: number[] = []
        const assign = () => {
          const values = [...known.values()]
          const estimate =
            values.length > 0 ? values.reduce((sum, each) => sum + each, 0) / values.length : 50
          heights = all.slice(from).map((key) => known.get(key) ?? estimate)
          rows.assign(all.slice(from))
        }
        assign()
        for (const step of changes) {
          if ('from' in step) {
            from = step.from
            assign()
            continue
          }
          const key = all[step.measure] ?? ''
          known.set(key, step.height)
          rows.measure(key, step.measure - from, step.height)
          if (step.measure >= from) heights[step.measure - from] = step.height
        }
        let top = 0
        for (const [index, height] of heights.entries()) {
          expect(rows.top(index)).toBeCloseTo(top, 5)
          if (height > 0.1) expect(rows.at(top + height / 2)).toBe(index)
          top += height
        }
        expect(rows.total).toBeCloseTo(top, 5)
      }),
    )
  })

  test('a place outside the list is its first or last row', () => {
    const rows = new RowHeights(10)
    rows.assign(keysOf(5))
    expect(rows.at(-20)).toBe(0)
    expect(rows.at(1_000)).toBe(4)
    rows.assign([])
    expect(rows.at(0)).toBe(0)
    expect(rows.total).toBe(0)
  })
})
