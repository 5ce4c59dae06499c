import { sleep } from '@parley/core/kernel'
import { mediaWorkers } from '@parley/testing/media-workers'
import { ChurnMember, isRace } from './churn-member.ts'
import { Identities } from './identities.ts'

export const operations = [
  'join',
  'leave',
  'vanish',
  'layer',
  'network',
  'restart',
  'publish',
  'unpublish',
  'mute',
] as const
export type Operation = (typeof operations)[number]

export interface ChurnOptions {
  url: string
  token: (userId: string) => Promise<string>
  seed: number
  /** How many operations in all. */
  operations: number
  /** Members that are there at once, over all rooms. */
  population?: number
  rooms?: number
  /** Operations at one moment. */
  lanes?: number
  /** Between two operations of a lane. */
  pauseMs?: number
  /** A media worker is killed after each so many operations. */
  killEvery?: number
  onProgress?: (done: number, totals: ChurnTotals) => Promise<void> | void
}

export interface ChurnTotals {
  done: Record<Operation, number>
  /** Looks at received streams, each held against what was told of it, and the frames that came on them. */
  streams: number
  frames: number
  /** Streams that carried something else than what was told. */
  wrong: readonly string[]
  /** Operations that another one at the same moment overtook. */
  overtaken: number
  /** What was refused, or ended, for no such reason. */
  problems: readonly string[]
}

/** How often each is drawn while there are as many members as wanted; layers change most, as in life. */
const weights: Readonly<Record<Operation, number>> = {
  join: 0,
  leave: 3,
  vanish: 1,
  layer: 14,
  network: 3,
  restart: 3,
  publish: 3,
  unpublish: 3,
  mute: 4,
}

/**
 * Members join, leave, vanish, change layers and networks, restart ICE, publish and unpublish in an order drawn from
 * the seed, some at the same moment. Everything received is held against what the server said it would be. All members
 * are gone when it resolves.
 */
export async function runChurn(options: ChurnOptions): Promise<ChurnTotals> {
  const { population = 16, rooms = 3, lanes = 4, pauseMs = 80, onProgress = () => undefined } = options
  const draw = randomOf(options.seed)
  const pick = (count: number): number => Math.floor(draw() * count)
  const identities = new Identities()
  const idle: ChurnMember[] = []
  const problems: string[] = []
  const done = Object.fromEntries(operations.map((name) => [name, 0])) as Record<Operation, number>
  const tokens = new Map<string, Promise<string>>()
  let present = 0
  let begun = 0
  let finished = 0
  let joined = 0
  let overtaken = 0
  const totals = (): ChurnTotals => ({
    ...{ done, overtaken, problems },
    streams: identities.streams,
    frames: identities.frames,
    wrong: identities.wrong,
  })

  const join = async (): Promise<ChurnMember> => {
    const number = ++joined
    const userId = `churn-${number % (population * 2)}`
    const token = tokens.get(userId) ?? options.token(userId)
    tokens.set(userId, token)
    return ChurnMember.join({
      ...{ url: options.url, token: await token, userId, device: `device-${number}` },
      ...{ roomId: `churn-${pick(rooms)}`, publishes: draw() < 0.8, identities },
      onProblem: (problem) => problems.push(problem),
    })
  }

  const act = async (operation: Exclude<Operation, 'join'>, member: ChurnMember): Promise<void> => {
    switch (operation) {
      case 'leave':
        return member.leave()
      case 'vanish':
        return member.vanish()
      case 'layer':
        return member.wish(pick)
      case 'network':
        return member.changeNetwork()
      case 'restart':
        return member.restartIce()
      case 'publish':
        return member.publish(['0', '1'])
      case 'unpublish':
        return member.publish(pick(2) === 0 ? [] : [String(pick(2))])
      case 'mute':
        return member.mute(pick(2) === 0)
    }
  }

  const step = async (): Promise<void> => {
    const operation = present < population ? 'join' : drawn(weights, draw())
    const [member] = operation === 'join' ? [] : idle.splice(pick(idle.length), 1)
    const ends = operation === 'leave' || operation === 'vanish'
    if (operation === 'join') present += 1
    else if (member === undefined) return
    const isSilent = ['publish', 'unpublish', 'mute'].includes(operation) && member?.publishes === false
    try {
      if (operation === 'join') idle.push(await join())
      else if (member !== undefined && !isSilent) await act(operation, member)
      done[operation] += 1
    } catch (error) {
      if (isRace(error)) overtaken += 1
      else problems.push(`${operation}: ${String(error)}`)
      if (operation === 'join') present -= 1
    }
    if (ends) present -= 1
    else if (member !== undefined) idle.push(member)
  }

  const lane = async (): Promise<void> => {
    while (begun < options.operations) {
      begun += 1
      await step()
      finished += 1
      if (options.killEvery !== undefined && finished % options.killEvery === 0) killWorker(pick)
      if (finished % 100 === 0) {
        for (const member of idle) member.check()
        await onProgress(finished, totals())
      }
      await sleep(pauseMs)
    }
  }
  await Promise.all(Array.from({ length: lanes }, lane))
  await Promise.all(idle.map((member) => member.leave()))
  return totals()
}

function killWorker(pick: (count: number) => number): void {
  const workers = mediaWorkers()
  const pid = workers[pick(workers.length)]
  if (pid !== undefined) process.kill(pid, 'SIGKILL')
}

function drawn(of: Readonly<Record<Operation, number>>, at: number): Operation {
  const sum = operations.reduce((total, name) => total + of[name], 0)
  let rest = at * sum
  for (const name of operations) {
    rest -= of[name]
    if (rest < 0) return name
  }
  return 'layer'
}

/** Numbers from 0 to 1 that the seed decides (mulberry32 by its published constants). */
function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
