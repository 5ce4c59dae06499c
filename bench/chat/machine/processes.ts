import { readdirSync, readFileSync } from 'node:fs'

/** Processes that are measured together. */
export interface ProcessGroup {
  part: string
  pids: number[]
}

export interface Usage {
  part: string
  /** User and system time so far. Seconds. */
  cpuSeconds: number
  /** Of that, in the kernel. Seconds. */
  systemSeconds: number
  /** Resident memory (RSS) of one process; of several their fair shares (PSS), as they share buffers. Bytes. */
  memoryBytes: number
}

/** Ticks of `/proc/<pid>/stat`: USER_HZ, 100 on every Linux of today. */
const ticksPerSecond = 100

/** The process and all its descendants. */
export function familyOf(pid: number): number[] {
  const children = new Map<number, number[]>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const fields = statOf(Number(name))
    if (fields === undefined) continue
    const parent = Number(fields[1])
    children.set(parent, [...(children.get(parent) ?? []), Number(name)])
  }
  const family = [pid]
  for (const member of family) family.push(...(children.get(member) ?? []))
  return family
}

export function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim()
  } catch {
    return ''
  }
}

export function usageOf(groups: readonly ProcessGroup[]): Usage[] {
  return groups.map(({ part, pids }) => ({
    part,
    cpuSeconds: sum(pids.map((pid) => ticksOf(pid, userTicks) + ticksOf(pid, systemTicks))) / ticksPerSecond,
    systemSeconds: sum(pids.map((pid) => ticksOf(pid, systemTicks))) / ticksPerSecond,
    memoryBytes: sum(pids.map((pid) => memoryOf(pid, pids.length === 1 ? 'Rss' : 'Pss'))),
  }))
}

/** How many cores each part used between two readings. */
export function coresBetween(before: readonly Usage[], after: readonly Usage[], seconds: number): PartLoad[] {
  return after.map(({ part, cpuSeconds, systemSeconds }) => {
    const then = before.find((usage) => usage.part === part)
    return {
      part,
      cores: (cpuSeconds - (then?.cpuSeconds ?? 0)) / seconds,
      systemCores: (systemSeconds - (then?.systemSeconds ?? 0)) / seconds,
    }
  })
}

export interface PartLoad {
  part: string
  cores: number
  /** Of these, in the kernel. */
  systemCores: number
}

/** Places of utime and stime among the fields that `statOf` returns. */
const userTicks = 11
const systemTicks = 12

function ticksOf(pid: number, field: number): number {
  return Number(statOf(pid)?.[field] ?? 0)
}

function memoryOf(pid: number, kind: 'Rss' | 'Pss'): number {
  try {
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
    return Number(new RegExp(`^${kind}:\\s+(\\d+)`, 'm').exec(rollup)?.[1] ?? 0) * 1024
  } catch {
    return 0
  }
}

/** Fields of stat(5) behind the command, which may hold anything. The first is the state, the second the parent. */
function statOf(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  } catch {
    return undefined
  }
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
