import { expect, test } from 'vitest'
import type { FromWorker, PathFacts } from './messages.ts'
import { ServerChannel } from './server-channel.ts'

const facts = (transport: number, target: number): PathFacts => ({
  ...{ transport, target, limit: 'delay', loss: 0, lossKind: 'none', roundTripMs: 0, throughput: 0 },
  queue: 'normal',
})

/** A channel that takes two messages before it says that it is full, and lets go of them when told. */
function slowServer() {
  const got: FromWorker[] = []
  const waiting: { message: FromWorker; left: () => void }[] = []
  const channel = new ServerChannel((message, left) => {
    waiting.push({ message, left })
    return waiting.length < 2
  })
  const read = (): void => {
    for (const { message, left } of waiting.splice(0)) {
      got.push(message)
      left()
    }
  }
  return { channel, got, waiting, read }
}

test('RTC-133: of the facts of each path the newest wait for a server that does not read', () => {
  const { channel, got, waiting, read } = slowServer()
  channel.tell({ type: 'pong' })
  channel.tell({ type: 'pong' })
  for (let round = 1; round <= 100; round++) channel.tellPaths([facts(1, round), facts(2, 2 * round)])
  expect(waiting.length).toBe(2)
  read()
  read()
  expect(got.slice(2)).toEqual([{ type: 'paths', facts: [facts(1, 100), facts(2, 200)] }])
  channel.tellPaths([facts(1, 7)])
  read()
  expect(got.at(-1)).toEqual({ type: 'paths', facts: [facts(1, 7)] })
})

test('RTC-133: levels are left out meanwhile, what happened to a transport never', () => {
  const { channel, got, read } = slowServer()
  channel.tell({ type: 'pong' })
  channel.tell({ type: 'pong' })
  channel.tellEvents([{ type: 'levels.measured', levels: [] }])
  channel.tellEvents([
    { type: 'transport.closed', transport: 3 },
    { type: 'levels.measured', levels: [] },
  ])
  read()
  channel.tellEvents([{ type: 'levels.measured', levels: [] }])
  read()
  expect(got.slice(2)).toEqual([
    { type: 'events', events: [{ type: 'transport.closed', transport: 3 }] },
    { type: 'events', events: [{ type: 'levels.measured', levels: [] }] },
  ])
})
