import { expect, test } from 'vitest'
import { groupByInitial, initialOf } from './initials.ts'

test('a name is found under its letter: accents fall away, Chinese names go by their sound', () => {
  expect(
    ['alice', 'Élodie', '王伟', '李娜', '张敏', '陈杰', '阿明', '7 of 9', '', 'Юрий'].map(initialOf),
  ).toEqual([...['A', 'E', 'W', 'L', 'Z', 'C', 'A', '#', '#', 'Ю']])
})

test('groups are in order, and what has no letter comes last', () => {
  const groups = groupByInitial(['42', 'Bob', 'anna', '李娜', 'Aaron'], (name) => name, 'zh-CN')
  expect(groups).toEqual([
    { initial: 'A', items: ['Aaron', 'anna'] },
    { initial: 'B', items: ['Bob'] },
    { initial: 'L', items: ['李娜'] },
    { initial: '#', items: ['42'] },
  ])
})
