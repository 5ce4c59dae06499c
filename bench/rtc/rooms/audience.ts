import { setTimeout as sleep } from 'node:timers/promises'
import { shareOf } from '../load/generator-process.ts'
import type { BenchOptions } from '../options.ts'
import type { ParleyTarget } from '../parley/parley-target.ts'
import { measureWindow, type RoomWindow, startProcesses } from './room-load.ts'
import { quantilesOf } from './samples.ts'

export interface AudienceStep {
  listeners: number
  /** Of these, members by realtime. */
  asMembers: number
  joinsPerSecond: number
  heard: { p50Ms: number; p99Ms: number }
  failed: string[]
  window: RoomWindow
  /** Of the packets that the listeners should have got. */
  keptUpPercent: number
  lossPercent: number
  /** Packets to listeners of those who are not among the loudest. */
  notLoudest: number
}

const speakers = 10
const loudest = 3
/** Beyond a worker's share they go to the other. */
export const audienceSettings = {
  PARLEY_RTC_WORKERS: '2',
  PARLEY_RTC_LOUDEST: String(loudest),
  PARLEY_RTC_ROOM_SPREAD: '1000',
}
const probes = 3
const openEvery = 64
const atATime = 24
const settleMs = 3_000
const overloadedBelow = 90

/** Ten speak, three of them loud; everybody else only listens. Two media workers share the room. */
export async function measureAudience(
  target: ParleyTarget,
  cores: string,
  { windowSeconds, generators, steps, listeningMembers }: BenchOptions,
  say: (line: string) => void,
): Promise<AudienceStep[]> {
  const places = Array.from({ length: speakers }, () => 0)
  const processes = await startProcesses(target, generators + 2, places, cores)
  const [stage, probe, ...audience] = processes
  try {
    if (stage === undefined || probe === undefined) throw new Error('no processes')
    const members = places.map((_, member) => member)
    const levels = members.map((member) => (member < loudest ? 10 + member : 50 + member))
    const entered = await stage.call('enter', { members, total: speakers, tiles: 0, pictures: false, levels })
    if (entered.failed.length > 0) throw new Error(entered.failed.join('; '))
    await probe.call('listen', { count: probes, asMembers: probes, atATime: 1, speakers, openEvery: 1 })
    const figures: AudienceStep[] = []
    let present = probes
    let asMembers = probes
    for (const listeners of steps) {
      const wanted = listeners - present
      const newMembers = Math.max(0, Math.min(wanted, listeningMembers - asMembers))
      const grown = await Promise.all(
        audience.map((process, index) =>
          process.call('listen', {
            count: shareOf(wanted, audience.length, index),
            asMembers: shareOf(newMembers, audience.length, index),
            ...{ atATime, speakers, openEvery },
          }),
        ),
      )
      const failed = grown.flatMap((part) => part.failed)
      const heard = quantilesOf(grown.map(({ heardMs }) => heardMs))
      present += heard.count
      asMembers += newMembers
      const joinsPerSecond = heard.count / Math.max(...grown.map(({ seconds }) => seconds))
      say(
        `${heard.count} more, ${joinsPerSecond.toFixed(0)}/s${failed.length > 0 ? `, ${failed.length} FAILED (${[...new Set(failed)].slice(0, 3).join('; ')})` : ''}`,
      )
      if (target.look() > 0) {
        // Players by WHEP lose their session by that, so those who joined are not all there any more.
        say('a media worker ended while they joined')
        break
      }
      await sleep(settleMs)
      const window = await measureWindow(target, processes, windowSeconds)
      const { received, expected, byMember } = window.total
      const due = (present * window.packetsIn * window.seconds * loudest) / speakers
      const step: AudienceStep = {
        ...{ listeners: present, asMembers, joinsPerSecond, failed, window },
        heard: { p50Ms: heard.p50Ms, p99Ms: heard.p99Ms },
        keptUpPercent: (100 * received) / due,
        lossPercent: 100 * Math.max(0, 1 - received / Math.max(expected, 1)),
        notLoudest: Object.entries(byMember).reduce(
          (total, [member, count]) => total + (Number(member) < loudest && Number(member) >= 0 ? 0 : count),
          0,
        ),
      }
      figures.push(step)
      say(
        `${present} listeners: ${Math.round(window.packetsOut)} packets/s, kept up with ${step.keptUpPercent.toFixed(1)} %`,
      )
      if (window.workersEnded > 0) say('a media worker ended in the window')
      if (window.workersEnded > 0 || step.keptUpPercent < overloadedBelow) break
    }
    return figures
  } finally {
    await Promise.all(processes.map((process) => process.close()))
  }
}

/** The first of the other cores goes to the second media worker, where there are enough. */
export function audienceCores({ mediaCore, otherCores }: BenchOptions): { media: string; others: string } {
  const range = /^(\d+)-(\d+)$/.exec(otherCores)
  const [first, last] = [Number(range?.[1]), Number(range?.[2])]
  if (range === null || last - first < 1) return { media: mediaCore, others: otherCores }
  return { media: `${mediaCore},${first}`, others: first + 1 === last ? `${last}` : `${first + 1}-${last}` }
}
