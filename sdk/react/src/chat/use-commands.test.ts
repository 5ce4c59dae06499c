import { expect, test } from 'vitest'
import { commandBefore } from './use-commands.ts'

test('a command is what stands between a slash at the beginning and the caret', () => {
  expect(commandBefore('/', 1)).toBe('')
  expect(commandBefore('/wind', 5)).toBe('wind')
  expect(commandBefore('/wind', 3)).toBe('wi')
  expect(commandBefore('/天气', 3)).toBe('天气')
})

test('nothing else is one', () => {
  expect(commandBefore('wind', 4)).toBeUndefined()
  expect(commandBefore(' /wind', 6)).toBeUndefined()
  expect(commandBefore('/wind at sea', 12)).toBeUndefined()
  expect(commandBefore('/home/alice', 11)).toBeUndefined()
  expect(commandBefore('/wind', 0)).toBeUndefined()
})
