import { cpus, loadavg } from 'node:os'
import { pin } from '../../chat/machine/cores.ts'
import type { BenchOptions } from '../options.ts'
import { ParleyTarget } from '../parley/parley-target.ts'
import { withTarget } from '../target.ts'
import { audienceCores, audienceSettings, measureAudience } from './audience.ts'
import { measureMeeting } from './meeting.ts'
import { audienceTable, meetingTable } from './room-table.ts'

/** Rooms with everybody in them, as their clients would be; those whose name fits. */
export async function measureRooms(pattern: string, options: BenchOptions): Promise<object> {
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
  const loads = { before, after: loadavg() }
  const [from = 0, to = 0] = [before[0], loads.after[0]]
  console.log(`load average ${from.toFixed(1)} before, ${to.toFixed(1)} after`)
  return { machine, loads, ...results }
}
