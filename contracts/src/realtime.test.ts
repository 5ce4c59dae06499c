import { expect, test } from 'vitest'
import { clientFrames } from './realtime.ts'

test('no client frame takes a field that every frame has already: its answer would never be found', () => {
  const taken = Object.entries(clientFrames).flatMap(([type, { shape }]) =>
    ['id', 'type', 're'].filter((field) => field in shape).map((field) => `${type}: ${field}`),
  )
  expect(taken).toEqual([])
})
