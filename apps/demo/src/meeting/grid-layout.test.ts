import { describe, expect, test } from 'vitest'
import { arrange, gapPx, gridLayout, pageSize } from './grid-layout.ts'

describe('pages', () => {
  test('1, 2, 4 and 9 tiles, then pages of 9; six on a phone', () => {
    expect([1, 2, 3, 4, 5, 9, 10, 40].map((count) => pageSize(count, 1200))).toEqual([1, 2, 4, 4, 9, 9, 9, 9])
    expect([1, 2, 5, 6, 7].map((count) => pageSize(count, 390))).toEqual([1, 2, 5, 6, 6])
  })
})

describe('grid', () => {
  test('two are side by side on a wide stage and above each other on a phone', () => {
    expect(gridLayout(2, 1200, 700)).toMatchObject({ columns: 2, rows: 1 })
    expect(gridLayout(2, 390, 700)).toMatchObject({ columns: 1, rows: 2 })
    expect(gridLayout(4, 1200, 700)).toMatchObject({ columns: 2, rows: 2 })
    expect(gridLayout(9, 1200, 700)).toMatchObject({ columns: 3, rows: 3 })
  })

  test('tiles never leave the stage and keep a shape in which a face fits', () => {
    for (const [width, height] of [
      [1400, 700],
      [700, 700],
      [390, 650],
      [844, 300],
    ] as const) {
      for (let count = 1; count <= 9; count++) {
        const { columns, rows, tileWidth, tileHeight } = gridLayout(count, width, height)
        expect(columns * rows).toBeGreaterThanOrEqual(count)
        expect(columns * tileWidth + (columns - 1) * gapPx).toBeLessThanOrEqual(width)
        expect(rows * tileHeight + (rows - 1) * gapPx).toBeLessThanOrEqual(height)
        const ratio = tileWidth / tileHeight
        expect(ratio).toBeGreaterThan(0.74)
        expect(ratio).toBeLessThan(1.82)
      }
    }
  })
})

describe('order', () => {
  const silent = new Map<string, number>()

  test('those who stay keep their places, newcomers come last', () => {
    expect(arrange(['me', 'b', 'a'], ['me', 'a', 'c', 'b'], silent, undefined, 9)).toEqual([
      'me',
      'b',
      'a',
      'c',
    ])
    expect(arrange(['me', 'b', 'a'], ['me', 'a'], silent, undefined, 9)).toEqual(['me', 'a'])
  })

  test('a speaker of a later page takes the place of whoever was silent longest', () => {
    const spoke = new Map([
      ['a', 30],
      ['b', 10],
      ['c', 20],
    ])
    const order = arrange(['me', 'a', 'b', 'c', 'd', 'e'], ['me', 'a', 'b', 'c', 'd', 'e'], spoke, 'e', 4)
    expect(order).toEqual(['me', 'a', 'e', 'c', 'd', 'b'])
  })

  test('a speaker in view moves nobody', () => {
    const order = ['me', 'a', 'b']
    expect(arrange(order, order, silent, 'b', 4)).toEqual(order)
  })
})
