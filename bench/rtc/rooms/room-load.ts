import { pin } from '../../chat/machine/cores.ts'
import type { DelayQuantiles } from '../load/generator.ts'
import { GeneratorProcess } from '../load/generator-process.ts'
import { spanOf, until, usageIn } from '../load/span.ts'
import type { ParleyTarget } from '../parley/parley-target.ts'
import { raisePriority } from '../priority.ts'
import { type RoomGenerator, type RoomReport, roomGeneratorFlag } from './room-generator.ts'
import { quantilesOf } from './samples.ts'

export type RoomProcess = GeneratorProcess<RoomGenerator>

/** What the server took in a window, and what everybody saw of it. */
export interface RoomWindow {
  seconds: number
  /** Media workers that ended in the window: then what they took is not known. */
  workersEnded: number
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
  total: Omit<RoomReport, 'audio' | 'video' | 'shown' | 'paths' | 'seconds'>
  /** Of the busiest event loop. */
  generatorBusy: number
  generatorLagMs: number
  /** All of them, with the threads of their sinks. */
  generatorCores: number
  generatorMicrosecondsPerPacket: number
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
  const offsets = await Promise.all(
    processes.map((process, index) => process.call('open', target.door(`room-${index}`))),
  )
  const byMember = places.map((place) => offsets[place] ?? 0)
  await Promise.all(processes.map((process) => process.call('know', byMember)))
  return processes
}

/** `during`: what happens meanwhile; it must not take longer than `seconds`. */
export async function measureWindow(
  target: ParleyTarget,
  processes: readonly RoomProcess[],
  seconds: number,
  during: () => Promise<void> = async () => undefined,
): Promise<RoomWindow> {
  target.look()
  const span = spanOf(seconds)
  const [usage, reports] = await Promise.all([
    usageIn(span, [
      { part: 'control', pids: target.controlPids },
      { part: 'generators', pids: processes.map(({ pid }) => pid) },
      ...target.mediaPids.map((pid, index) => ({ part: `media ${index}`, pids: [pid] })),
    ]),
    Promise.all(processes.map((process) => process.call('measure', span))),
    until(span.fromMs).then(during),
  ])
  const [control, generators, ...media] = usage
  if (control === undefined || generators === undefined) throw new Error('no usage')
  const workersEnded = target.look()
  const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0)
  // Of a process that ended the kernel tells nothing any more.
  const mediaSeconds = workersEnded > 0 ? Number.NaN : sum(media.map(({ cpuSeconds }) => cpuSeconds))
  const total = totalOf(reports)
  const packetsIn = sum(reports.map((report) => report.sent / report.seconds))
  const toMembers = sum(reports.map((report) => report.packets / report.seconds))
  const packetsOut = toMembers + total.received / seconds
  return {
    seconds,
    workersEnded,
    mediaCores: media.map(({ cpuSeconds }) => (workersEnded > 0 ? Number.NaN : cpuSeconds / seconds)),
    mediaKernelShare: sum(media.map(({ systemSeconds }) => systemSeconds)) / Math.max(mediaSeconds, 0.01),
    controlCores: control.cpuSeconds / seconds,
    mediaMemoryMiB: sum(media.map(({ memoryBytes }) => memoryBytes)) / 2 ** 20,
    controlMemoryMiB: control.memoryBytes / 2 ** 20,
    packetsIn,
    packetsOut,
    cpuMicrosecondsPerPacket: (mediaSeconds * 1e6) / seconds / Math.max(packetsIn + packetsOut, 1),
    audio: quantilesOf(reports.map(({ audio }) => audio)),
    video: quantilesOf(reports.map(({ video }) => video)),
    shown: quantilesOf(reports.map(({ shown }) => shown)),
    paths: pathsOf(reports),
    total,
    generatorBusy: Math.max(...reports.map(({ busy }) => busy)),
    generatorLagMs: Math.max(...reports.map(({ lagMs }) => lagMs)),
    generatorCores: generators.cpuSeconds / seconds,
    generatorMicrosecondsPerPacket: (generators.cpuSeconds * 1e6) / seconds / Math.max(packetsOut, 1),
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
  const {
    audio: _,
    video: _video,
    shown: _shown,
    paths: _paths,
    seconds: _seconds,
    ...total
  } = structuredClone(first)
  for (const report of others) {
    for (const field of [
      ...(['members', 'listeners', 'silent', 'packets', 'checked', 'wrong', 'unannounced'] as const),
      ...(['unwanted', 'lost', 'repaired', 'sent', 'dark', 'received', 'expected', 'dropped'] as const),
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
