import { describe, expect, test } from 'vitest'
import { pathOf } from './line-chart.tsx'

describe('the path of a line', () => {
  test('ends at the right edge and goes up to the top', () => {
    expect(pathOf([0, 50, 100], 3, 100)).toBe('M0.0 46.0L150.0 24.0L300.0 2.0')
    expect(pathOf([100], 60, 100)).toBe('M300.0 2.0')
  })
  test('has a gap where nothing was measured', () => {
    expect(pathOf([0, undefined, 0], 3, 1)).toBe('M0.0 46.0M300.0 46.0')
  })
})
