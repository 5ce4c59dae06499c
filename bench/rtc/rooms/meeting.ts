import { setTimeout as sleep } from 'node:timers/promises'
import type { BenchOptions } from '../options.ts'
import type { ParleyTarget } from '../parley/parley-target.ts'
import { measureWindow, type RoomWindow, startProcesses } from './room-load.ts'
import { quantilesOf } from './samples.ts'

export interface MeetingFigures {
  members: number
  tiles: number
  /** From all coming at once until each is in and publishes, and until each has all tiles. Milliseconds. */
  joined: { p50Ms: number; maxMs: number }
  allShown: { p50Ms: number; maxMs: number }
  failed: string[]
  /** The same tiles all the time. */
  still: RoomWindow
  /** Other tiles every 3 s, each member at its own moment. */
  paging: RoomWindow
  /** All members at once. */
  together: RoomWindow
}

const members = 30
const tiles = 9
const pageEveryMs = 3_000
const settleMs = 3_000

/** Everybody publishes sound and three layers of a picture, hears all and watches nine. */
export async function measureMeeting(
  target: ParleyTarget,
  { otherCores, windowSeconds, generators }: BenchOptions,
  say: (line: string) => void,
): Promise<MeetingFigures> {
  const places = Array.from({ length: members }, (_, member) => member % generators)
  const processes = await startProcesses(target, generators, places, otherCores)
  try {
    const levels = places.map((_, member) => 10 + member)
    const entered = await Promise.all(
      processes.map((process, index) =>
        process.call('enter', {
          members: places.flatMap((place, member) => (place === index ? [member] : [])),
          ...{ total: members, tiles, pictures: true, levels },
        }),
      ),
    )
    const failed = entered.flatMap((part) => part.failed)
    const joined = quantilesOf(entered.map(({ joinedMs }) => joinedMs))
    const allShown = quantilesOf(entered.map(({ shownMs }) => shownMs))
    say(
      `${joined.count} in after ${joined.maxMs.toFixed(0)} ms; all tiles p50 ${allShown.p50Ms.toFixed(0)} ms, ` +
        `last ${allShown.maxMs.toFixed(0)} ms${failed.length > 0 ? `; FAILED: ${failed.join('; ')}` : ''}`,
    )
    await sleep(settleMs)
    const still = await measureWindow(target, processes, windowSeconds)
    let page = 0
    const turning = (withinMs: number): Promise<RoomWindow> =>
      measureWindow(target, processes, windowSeconds, async () => {
        for (let elapsed = 0; elapsed + pageEveryMs <= windowSeconds * 1000; elapsed += pageEveryMs) {
          page++
          await Promise.all([
            sleep(pageEveryMs),
            ...processes.map((process) => process.call('turnTo', page, withinMs)),
          ])
        }
      })
    const paging = await turning(pageEveryMs)
    const together = await turning(0)
    return { members, tiles, joined, allShown, failed, still, paging, together }
  } finally {
    await Promise.all(processes.map((process) => process.close()))
  }
}
