import { setTimeout as sleep } from 'node:timers/promises'
import { pin } from '../../chat/machine/cores.ts'
import { usageOf } from '../../chat/machine/processes.ts'
import type { DelayQuantiles } from '../load/generator.ts'
import { GeneratorProcess } from '../load/generator-process.ts'
import type { ParleyTarget } from '../parley/parley-target.ts'
import { raisePriority } from '../priority.ts'
import { type RoomGenerator, type RoomReport, roomGeneratorFlag } from './room-generator.ts'
import { quantilesOf } from './samples.ts'

export type RoomProcess = GeneratorProcess<RoomGenerator>

/** What the server took in a window, and what everybody saw of it. */
export interface RoomWindow {
  seconds: number
  mediaCores: number[]
  mediaKernelShare: number
  controlCores: number
  mediaMemoryMiB: number
  controlMemoryMiB: number
  packetsIn: number
  packetsOut: number
  /** Of the media processes, for each packet in or out. */
  cpuMicrosecondsPerPacket: number
  audio: DelayQuantiles
  video: DelayQuantiles
  /** From wanting a picture to having it. */
  shown: DelayQuantiles
  /** What the server took the ways to the members for. Kbit/s. */
  paths: { lowest: number; p10: number; p50: number }
  total: Omit<RoomReport, 'audio' | 'video' | 'shown' | 'paths'>
  generatorBusy: number
  generatorLagMs: number
}

/** Starts processes and tells all of them the clocks of each member's. `places`: in which process each member will be. */
export async function startProcesses(
  target: ParleyTarget,
  count: number,
  places: readonly number[],
  cores: string,
): Promise<RoomProcess[]> {
  const processes = Array.from(
    { length: count },
    () => new GeneratorProcess<RoomGenerator>(roomGeneratorFlag),
  )
  for (const { pid } of processes) {
    pin(pid, cores)
    raisePriority(pid)
  }
  for (const pid of target.mediaPids) raisePriority(pid)
  const offsets = await Promise.all(
    processes.map((process, index) => process.call('open', target.door(`room-${index}`))),
  )
  const byMember = places.map((place) => offsets[place] ?? 0)
  await Promise.all(processes.map((process) => process.call('know', byMember)))
  return processes
}

/** `during`: what happens meanwhile; the window lasts as long, and `seconds` at least. */
export async function measureWindow(
  target: ParleyTarget,
  processes: readonly RoomProcess[],
  seconds: number,
  during: () => Promise<void> = async () => undefined,
): Promise<RoomWindow> {
  const groups = [
    ...target.mediaPids.map((pid, index) => ({ part: `media ${index}`, pids: [pid] })),
    { part: 'control', pids: target.controlPids },
  ]
  await Promise.all(processes.map((process) => process.call('mark')))
  const before = usageOf(groups)
  const begun = performance.now()
  await Promise.all([sleep(seconds * 1000), during()])
  const after = usageOf(groups)
  const elapsed = (performance.now() - begun) / 1000
  const reports = await Promise.all(processes.map((process) => process.call('report')))
  const used = after.map((usage, index) => ({
    ...usage,
    cpuSeconds: usage.cpuSeconds - (before[index]?.cpuSeconds ?? 0),
    systemSeconds: usage.systemSeconds - (before[index]?.systemSeconds ?? 0),
  }))
  const media = used.filter(({ part }) => part !== 'control')
  const control = used.find(({ part }) => part === 'control')
  const total = totalOf(reports)
  const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0)
  const mediaSeconds = sum(media.map(({ cpuSeconds }) => cpuSeconds))
  const out = total.packets + total.received
  return {
    seconds: elapsed,
    mediaCores: media.map(({ cpuSeconds }) => cpuSeconds / elapsed),
    mediaKernelShare: sum(media.map(({ systemSeconds }) => systemSeconds)) / Math.max(mediaSeconds, 0.01),
    controlCores: (control?.cpuSeconds ?? 0) / elapsed,
    mediaMemoryMiB: sum(media.map(({ memoryBytes }) => memoryBytes)) / 2 ** 20,
    controlMemoryMiB: (control?.memoryBytes ?? 0) / 2 ** 20,
    packetsIn: total.sent / elapsed,
    packetsOut: out / elapsed,
    cpuMicrosecondsPerPacket: (mediaSeconds * 1e6) / Math.max(out + total.sent, 1),
    audio: quantilesOf(reports.map(({ audio }) => audio)),
    video: quantilesOf(reports.map(({ video }) => video)),
    shown: quantilesOf(reports.map(({ shown }) => shown)),
    paths: pathsOf(reports),
    total,
    generatorBusy: Math.max(...reports.map(({ busy }) => busy)),
    generatorLagMs: Math.max(...reports.map(({ lagMs }) => lagMs)),
  }
}

function pathsOf(reports: readonly RoomReport[]): RoomWindow['paths'] {
  const sorted = reports.flatMap(({ paths }) => paths).sort((a, b) => a - b)
  const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? 0
  return { lowest: at(0), p10: at(0.1), p50: at(0.5) }
}

function totalOf(reports: readonly RoomReport[]): RoomWindow['total'] {
  const [first, ...others] = reports
  if (first === undefined) throw new Error('no reports')
  const { audio: _audio, video: _video, shown: _shown, paths: _paths, ...total } = structuredClone(first)
  for (const report of others) {
    for (const field of [
      ...(['members', 'listeners', 'silent', 'packets', 'checked', 'wrong', 'unannounced'] as const),
      ...(['unwanted', 'lost', 'repaired', 'sent', 'dark', 'received', 'expected'] as const),
    ]) {
      total[field] += report[field]
    }
    for (const [member, count] of Object.entries(report.byMember)) {
      total.byMember[Number(member)] = (total.byMember[Number(member)] ?? 0) + count
    }
    total.refusals.push(...report.refusals)
    total.darkReasons.push(...report.darkReasons)
  }
  return total
}

export const shareOf = (count: number, parts: number, index: number): number =>
  Math.floor((count * (index + 1)) / parts) - Math.floor((count * index) / parts)
