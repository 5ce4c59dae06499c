// `npm run bench -- chat [options]`: how fast and how frugal chat is, beside ejabberd under the same load. See README.md.
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { EjabberdTarget, ejabberdInstalled } from './ejabberd/ejabberd-target.ts'
import type { PhaseResult } from './load/phase.ts'
import type { ChatTarget } from './load/target.ts'
import { pin } from './machine/cores.ts'
import { DatabaseSampler } from './machine/database-sampler.ts'
import { type BenchOptions, readOptions, usage } from './options.ts'
import { ParleyTarget, raisedLimits } from './parley/parley-target.ts'
import { describePhase, type FiguresOf, type TargetName, tableOf } from './report.ts'
import type { Workload, WorkloadContext } from './workload.ts'
import { chatRoom } from './workloads/chat-room.ts'
import { durableSends } from './workloads/durable-sends.ts'
import { hundredGroups } from './workloads/hundred-groups.ts'
import { idleConnections } from './workloads/idle-connections.ts'
import { largeGroupAck } from './workloads/large-group-ack.ts'
import { largeGroupDeliveries } from './workloads/large-group-deliveries.ts'
import { reconnectStorm } from './workloads/reconnect-storm.ts'
import { restart } from './workloads/restart.ts'
import { sync } from './workloads/sync.ts'

const outDir = join(process.cwd(), '.cache', 'bench')
const workloads: readonly Workload[] = [
  durableSends,
  largeGroupDeliveries,
  hundredGroups,
  chatRoom,
  reconnectStorm,
  sync,
  largeGroupAck,
  idleConnections,
  restart,
]

interface Recorded {
  target: TargetName
  workload: string
  phases: ({ label: string } & PhaseResult)[]
  notes: string[]
}

async function runAll(options: BenchOptions): Promise<void> {
  const begun = performance.now()
  const machine = {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    node: process.version,
    ...options.layout,
    raisedLimits,
  }
  console.log(
    `${machine.cores} cores of ${machine.cpu}, Node ${machine.node}; server and database on core ${machine.server}, ` +
      `generator on core ${machine.generator}`,
  )
  pin(process.pid, options.layout.generator)
  const figures: FiguresOf = { parley: [], ejabberd: [] }
  const recorded: Recorded[] = []
  if (options.parley) {
    await runOn(() => ParleyTarget.start(options.layout), 'parley', options, figures, recorded)
  }
  const forPeer = workloads.some((workload) => isChosen(workload, 'ejabberd', options))
  if (options.peer && forPeer) {
    if (ejabberdInstalled()) {
      await runOn(
        () => EjabberdTarget.start(options.layout, options.peerArchive),
        'ejabberd',
        options,
        figures,
        recorded,
      )
    } else console.log('\nno peer: apt-get install ejabberd')
  }
  mkdirSync(outDir, { recursive: true })
  const seconds = Math.round((performance.now() - begun) / 1000)
  const json = { machine, quick: options.quick, seconds, figures, recorded }
  writeFileSync(join(outDir, 'chat.json'), `${JSON.stringify(json, null, 2)}\n`)
  console.log(`\n${tableOf(figures)}\n\n${seconds} s; all of it in .cache/bench/chat.json`)
}

function isChosen(
  { name, targets, quickWithoutPeer }: Workload,
  target: TargetName,
  options: BenchOptions,
): boolean {
  const leftOut = target === 'ejabberd' && options.quick && quickWithoutPeer === true
  return options.only.includes(name) && targets.includes(target) && !leftOut
}

async function runOn(
  start: () => Promise<ChatTarget>,
  name: TargetName,
  options: BenchOptions,
  figures: FiguresOf,
  recorded: Recorded[],
): Promise<void> {
  const chosen = workloads.filter((workload) => isChosen(workload, name, options))
  if (chosen.length === 0) return
  const target = await start()
  const end = (): void => {
    void target.close().finally(() => process.exit(130))
  }
  process.once('SIGINT', end)
  process.once('SIGTERM', end)
  try {
    console.log(`\n${target.name}; an ack means: ${target.ackMeaning}`)
    for (const [index, workload] of chosen.entries()) {
      if (index > 0) await target.restart()
      const begun = performance.now()
      console.log(`\n${target.name} ${workload.name}`)
      const record: Recorded = { target: name, workload: workload.name, phases: [], notes: [] }
      recorded.push(record)
      figures[name].push(...(await workload.run(contextOf(target, options, record))))
      console.log(`  (${Math.round((performance.now() - begun) / 1000)} s)`)
    }
  } finally {
    process.off('SIGINT', end)
    process.off('SIGTERM', end)
    await target.close()
  }
}

function contextOf(target: ChatTarget, options: BenchOptions, record: Recorded): WorkloadContext {
  const { quick, stormClients, restartMessages } = options
  return {
    target,
    quick,
    stormClients,
    restartMessages,
    note: (text) => {
      record.notes.push(text)
      console.log(`  ${text}`)
    },
    phase: (label, result) => {
      record.phases.push({ label, ...result })
      console.log(`  ${label}, ${describePhase(result)}`)
    },
    profiled: (label, work) =>
      options.profile && target instanceof ParleyTarget ? withProfile(target, label, work) : work(),
  }
}

async function withProfile<Result>(
  target: ParleyTarget,
  label: string,
  work: () => Promise<Result>,
): Promise<Result> {
  const profiler = await target.profiler()
  const sampler = new DatabaseSampler(await target.database())
  await profiler.start()
  try {
    return await work()
  } finally {
    const { json, top } = await profiler.stop()
    const sessions = await sampler.stop()
    console.log('    sessions of the database that are at work, on average:')
    console.log(sessions.map((row) => `    ${row.sessions.toFixed(2)} ${row.name}`).join('\n'))
    console.log('    own time of functions of the server:')
    profiler.close()
    mkdirSync(outDir, { recursive: true })
    writeFileSync(join(outDir, `chat-${label}.cpuprofile`), json)
    console.log(
      top.map(({ name, share }) => `    ${(share * 100).toFixed(1).padStart(5)} % ${name}`).join('\n'),
    )
  }
}

const args = process.argv.slice(2)
if (args.includes('--help')) console.log(usage)
else
  await runAll(
    readOptions(
      args,
      workloads.map(({ name }) => name),
    ),
  )
process.exit(0)
