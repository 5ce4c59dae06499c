// `npm run bench -- rtc [options]`: what forwarding costs and how fast a join is, beside janus under the same load.
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { pin } from '../chat/machine/cores.ts'
import { type CallFigures, callTable, ways } from './calls/call-table.ts'
import { measureCalls } from './calls/calls.ts'
import { weathers } from './calls/weathers.ts'
import { measureConnecting } from './connecting/connecting.ts'
import { measureControl } from './control/control.ts'
import {
  describeNativeAudience,
  measureNativeAudience,
  type NativeAudienceFigures,
} from './control/native-audience.ts'
import { JanusTarget, janusInstalled } from './janus/janus-target.ts'
import { measureLimits } from './limits.ts'
import { generatorFlag, runGenerator } from './load/generator-process.ts'
import { measure, type TargetFigures } from './measure.ts'
import { type BenchOptions, readOptions, usage } from './options.ts'
import { ParleyTarget } from './parley/parley-target.ts'
import { tableOf } from './report.ts'
import { playCases } from './rfc-8867.ts'
import { RoomGenerator, roomGeneratorFlag } from './rooms/room-generator.ts'
import { measureRooms } from './rooms/rooms.ts'
import { type SfuTarget, type TargetName, withTarget } from './target.ts'
import { measureWeakNetwork, type WeakFigures } from './weak-network.ts'

/** So many play side by side; each sends a few hundred packets a second. */
const casesAtOnce = 4
const outDir = join('.cache', 'bench')

/** Keeps all figures of a run. Returns where. */
function save(name: string, figures: unknown): string {
  const path = join(outDir, `${name}.json`)
  mkdirSync(outDir, { recursive: true })
  writeFileSync(path, `${JSON.stringify(figures, null, 2)}\n`)
  return path
}

async function runAll(options: BenchOptions): Promise<void> {
  const begun = performance.now()
  const machine = {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    node: process.version,
    load: loadavg(),
    mediaCore: options.mediaCore,
    otherCores: options.otherCores,
  }
  console.log(
    `${machine.cores} cores of ${machine.cpu}, Node ${machine.node}, load average ${loadavg()[0]?.toFixed(1)}; ` +
      `the forwarding process on core ${options.mediaCore}, everything else on ${options.otherCores}`,
  )
  pin(process.pid, options.mediaCore)
  const limits = await measureLimits(options.quick)
  pin(process.pid, options.otherCores)
  const figures: TargetFigures[] = []
  const weak: WeakFigures[] = []
  for (const name of options.targets) {
    if (name === 'janus' && !janusInstalled()) {
      console.log('\nno peer: apt-get install janus')
      continue
    }
    await runOn(name, options, figures, weak)
  }
  const seconds = Math.round((performance.now() - begun) / 1000)
  const path = save('rtc', { machine, quick: options.quick, seconds, limits, figures, weak })
  console.log(`\n${tableOf(limits, figures, weak)}\n\n${seconds} s; all of it in ${path}`)
}

async function runOn(
  name: TargetName,
  options: BenchOptions,
  figures: TargetFigures[],
  weak: WeakFigures[],
): Promise<void> {
  const { mediaCore, otherCores } = options
  const start: Promise<SfuTarget> =
    name === 'janus' ? JanusTarget.start(mediaCore) : ParleyTarget.start(mediaCore, otherCores)
  await withTarget(start, async (target) => {
    console.log(`\n${name}`)
    const say = (line: string): void => console.log(`  ${line}`)
    if (options.weakSeconds > 0) {
      const figuresOfWeak = await measureWeakNetwork(target, options.weakSeconds, say).catch(
        (error: unknown) =>
          say(
            `5 % loss and 100 ms each way: not measured, ${error instanceof Error ? error.message : String(error)}`,
          ),
      )
      if (figuresOfWeak !== undefined) weak.push(figuresOfWeak)
    }
    const measured = await measure(target, options, say)
    say(`cipher ${measured.cipher}`)
    figures.push(measured)
  })
}

/** All ways in one run, so that they meet the same machine. */
async function runCalls(pattern: string, { targets }: BenchOptions): Promise<void> {
  const chosen = weathers.filter(({ name }) => new RegExp(pattern).test(name))
  const timing = { settleSeconds: 12, seconds: 12, atOnce: 3 }
  const figures: CallFigures[] = []
  for (const way of ways) {
    if (way === 'janus' && !(targets.includes('janus') && janusInstalled())) continue
    figures.push(...(await measureCalls(way, chosen, timing, (line) => console.log(line))))
  }
  console.log(`\n${callTable(figures)}\n\nall of it in ${save('rtc-calls', figures)}`)
}

async function runConnecting(pattern: string): Promise<void> {
  const timing = { tries: 20, atOnce: 5, giveUpMs: 30_000 }
  const figures = await measureConnecting(pattern, timing, (line) => console.log(line))
  console.log(`all of it in ${save('rtc-connecting', figures)}`)
}

/** Congestion control alone, then as part of a media worker that sends to an audience. */
async function runControl(pattern: string, options: BenchOptions): Promise<void> {
  const control = measureControl(new RegExp(pattern), (line) => console.log(line))
  const audience: NativeAudienceFigures[] = []
  const cores = { media: options.mediaCore, other: options.otherCores }
  for (const subscribers of options.steps) {
    for (const feedbackMs of [0, options.feedbackMs || 75]) {
      const figures = await measureNativeAudience(subscribers, feedbackMs, cores)
      console.log(describeNativeAudience(figures))
      audience.push(figures)
    }
  }
  console.log(`all of it in ${save('rtc-control', { control, audience })}`)
}

async function runRooms(pattern: string, options: BenchOptions): Promise<void> {
  console.log(`all of it in ${save('rtc-rooms', await measureRooms(pattern, options))}`)
}

async function runCases(pattern: string): Promise<void> {
  const rows = await playCases(new RegExp(pattern), casesAtOnce, (line) => console.log(line))
  const path = save('rtc-rfc-8867', rows)
  const heads = Object.keys(rows[0] ?? {})
  const lines = [heads, heads.map(() => '---'), ...rows.map((row) => heads.map((head) => row[head] ?? ''))]
  console.log(`\n${lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')}\n\nall of it in ${path}`)
}

const args = process.argv.slice(2)
if (args.includes(generatorFlag)) runGenerator()
else if (args.includes(roomGeneratorFlag)) runGenerator(new RoomGenerator())
else if (args.includes('--help')) console.log(usage)
else {
  const options = readOptions(args)
  if (options.control !== undefined) await runControl(options.control, options)
  else if (options.rooms !== undefined) await runRooms(options.rooms, options)
  else if (options.connecting !== undefined) await runConnecting(options.connecting)
  else if (options.rfc8867 !== undefined) await runCases(options.rfc8867)
  else if (options.calls !== undefined) await runCalls(options.calls, options)
  else await runAll(options)
  process.exit(0)
}
