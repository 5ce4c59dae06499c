import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  emptySnapshot,
  parseSnapshot,
  type Snapshot,
  withoutTransaction,
  withTransaction,
} from './snapshot.ts'

function sees(snapshot: Snapshot, transaction: bigint): boolean {
  return transaction < snapshot.end && !snapshot.running.includes(transaction)
}

const snapshots = fc
  .record({ end: fc.bigInt(20n, 40n), running: fc.uniqueArray(fc.bigInt(10n, 19n)) })
  .map(({ end, running }) => {
    const sorted = running.sort((left, right) => Number(left - right))
    return parseSnapshot(`${sorted[0] ?? end}:${end}:${sorted.join(',')}`)
  })

test('the text of a snapshot is parsed', () => {
  expect(parseSnapshot('10:20:10,14,15')).toEqual({
    text: '10:20:10,14,15',
    end: 20n,
    running: [10n, 14n, 15n],
  })
  expect(parseSnapshot(emptySnapshot.text)).toEqual(emptySnapshot)
  expect(() => parseSnapshot('10')).toThrow(SyntaxError)
})

test('adding and taking away a transaction changes what is seen of that one only', () => {
  fc.assert(
    fc.property(snapshots, fc.bigInt(3n, 50n), (snapshot, transaction) => {
      for (const [changed, seen] of [
        [withoutTransaction(snapshot, transaction), false],
        [withTransaction(snapshot, transaction), true],
      ] as const) {
        expect(sees(changed, transaction)).toBe(seen)
        expect(parseSnapshot(changed.text)).toEqual(changed)
        for (let id = 3n; id < 60n; id++) {
          if (id !== transaction) expect(sees(changed, id)).toBe(sees(snapshot, id))
        }
      }
    }),
  )
})
