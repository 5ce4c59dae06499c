import { expect, test } from 'vitest'
import type { PathFacts } from '../sfu/messages.ts'
import type { Allocation } from './allocation.ts'
import { PathRepair } from './path-repair.ts'

test('RTC-175: where the room for copies is not there, they rest, longer each time they went only shortly', () => {
  const given: number[] = []
  const allocation = { protection: { most: 3.6, bitrate: 0 }, bitrates: { wanted: 0, allotted: 400_000 } }
  const repair = new PathRepair({
    allocation: allocation as unknown as Allocation,
    transport: () => undefined,
    subscriptions: () => [{ setRepair: (path) => given.push('most' in path ? path.most : -1) }],
  })
  const at = (nowMs: number, most: number, roundTripMs: number) => {
    allocation.protection.most = most
    const facts = { target: 2_000_000, loss: 0.05, lossKind: 'random', roundTripMs }
    repair.handleFacts(facts as unknown as PathFacts, nowMs)
    return given.at(-1)
  }
  // Where none were sent nothing is learned of their room.
  expect(at(0, 0, 380)).toBe(0)
  expect(at(500, 3.6, 100)).toBe(3.6)
  expect(at(1_000, 1, 100)).toBe(1)
  expect(at(2_000, 3.6, 380)).toBe(3.6)
  expect(at(3_000, 1.5, 380)).toBe(0.6)
  expect(at(7_500, 3.6, 380)).toBe(0.6)
  expect(at(8_000, 3.6, 380)).toBe(3.6)
  expect(at(12_000, 1.5, 380)).toBe(0.6)
  expect(at(21_500, 3.6, 380)).toBe(0.6)
  expect(at(22_000, 3.6, 380)).toBe(3.6)
  // They went for long: that there is no room now says nothing against them.
  expect(at(42_000, 1.5, 380)).toBe(0.6)
  expect(at(47_000, 3.6, 380)).toBe(3.6)
})
