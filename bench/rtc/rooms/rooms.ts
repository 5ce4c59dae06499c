import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { pin } from '../../chat/machine/cores.ts'
import type { BenchOptions } from '../options.ts'
import { ParleyTarget } from '../parley/parley-target.ts'
import { audienceCores, audienceSettings, measureAudience } from './audience.ts'
import { measureMeeting } from './meeting.ts'
import { audienceTable, meetingTable } from './room-table.ts'

/** Rooms with everybody in them, as their clients would be; those whose name fits. */
export async function measureRooms(pattern: string, options: BenchOptions, outDir: string): Promise<void> {
  const chosen = new RegExp(pattern)
  const say = (line: string): void => console.log(`  ${line}`)
  const before = loadavg()
  pin(process.pid, options.otherCores)
  const results: Record<string, unknown> = {}
  if (chosen.test('meeting')) {
    console.log('meeting')
    const start = ParleyTarget.start(options.mediaCore, options.otherCores)
    const figures = await withTarget(start, (target) => measureMeeting(target, options, say))
    console.log(`\n${meetingTable(figures)}\n`)
    results.meeting = figures
  }
  if (chosen.test('audience')) {
    console.log('audience')
    const cores = audienceCores(options)
    const start = ParleyTarget.start(cores.media, cores.others, audienceSettings)
    const steps = await withTarget(start, (target) => measureAudience(target, cores.others, options, say))
    console.log(`\n${audienceTable(steps)}\n`)
    results.audience = steps
  }
  const machine = { cpu: cpus()[0]?.model, cores: cpus().length, node: process.version }
  mkdirSync(outDir, { recursive: true })
  const loads = { before, after: loadavg() }
  writeFileSync(
    join(outDir, 'rtc-rooms.json'),
    `${JSON.stringify({ machine, loads, ...results }, null, 2)}\n`,
  )
  const [from = 0, to = 0] = [before[0], loads.after[0]]
  console.log(`load average ${from.toFixed(1)} before, ${to.toFixed(1)} after`)
  console.log('all of it in .cache/bench/rtc-rooms.json')
}

/** A server for the length of `work`, also when this process is told to end. */
async function withTarget<Figures>(
  start: Promise<ParleyTarget>,
  work: (target: ParleyTarget) => Promise<Figures>,
): Promise<Figures> {
  const target = await start
  const end = (): void => {
    void target.close().finally(() => process.exit(130))
  }
  process.once('SIGINT', end)
  process.once('SIGTERM', end)
  try {
    return await work(target)
  } finally {
    process.off('SIGINT', end)
    process.off('SIGTERM', end)
    await target.close()
  }
}
