import { expect, test } from 'vitest'
import { NetworkLevelBoard } from './network-levels.ts'

const everybody = () => true

test('RTC-125: changes are news once, and what is no level is passed over', () => {
  const board = new NetworkLevelBoard()
  board.note('a', { uplinkLevel: 5, downlinkLevel: 4 })
  board.note('b', { uplinkLevel: 6, downlinkLevel: 4 })
  board.note('c', { uplinkLevel: 2.5, downlinkLevel: 4 })
  board.note('d', {})
  expect(board.takeNews(everybody)).toEqual([{ participantId: 'a', uplink: 5, downlink: 4 }])
  board.note('a', { uplinkLevel: 5, downlinkLevel: 4 })
  expect(board.takeNews(everybody)).toEqual([])
  board.note('a', { uplinkLevel: 5, downlinkLevel: 1 })
  expect(board.takeNews((id) => id !== 'a')).toEqual([])
  expect(board.takeNews(everybody)).toEqual([{ participantId: 'a', uplink: 5, downlink: 1 }])
  expect(board.of(['a', 'b'])).toHaveLength(1)
  board.forget('a')
  expect(board.of(['a'])).toEqual([])
})

test('RTC-125: where very many change, the rest is told later', () => {
  const board = new NetworkLevelBoard()
  for (let id = 0; id < 130; id++) board.note(`${id}`, { uplinkLevel: 3, downlinkLevel: 3 })
  expect(board.takeNews(everybody)).toHaveLength(100)
  expect(board.takeNews(everybody)).toHaveLength(30)
})
