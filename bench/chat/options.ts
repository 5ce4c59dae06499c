import { parseArgs } from 'node:util'
import { type CoreLayout, defaultLayout } from './machine/cores.ts'

export interface BenchOptions {
  only: readonly string[]
  quick: boolean
  peer: boolean
  parley: boolean
  /** ejabberd keeps an archive, as Parley keeps its log. */
  peerArchive: boolean
  profile: boolean
  layout: CoreLayout
  stormClients: number
  restartMessages: number
}

export const usage = `npm run bench -- chat [options]
  --only a,b              workloads to run: sends, large-group, groups-100x100, chat-room, idle, storm, sync, group-ack, restart
  --quick                 shorter phases, fewer clients: under 90 s
  --no-peer               without ejabberd
  --no-parley             ejabberd alone
  --peer-without-archive  ejabberd as a relay that stores nothing
  --storm N               clients of the reconnect storm (5,000)
  --messages N            messages in the log of the restart (1,000,000)
  --server-cores 0,1      where the server and its database run
  --generator-cores 2,3   where the generator runs
  --profile               processor profiles of the server into .cache/bench, and their most expensive functions`

export function readOptions(args: readonly string[], workloads: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      quick: { type: 'boolean', default: false },
      'no-peer': { type: 'boolean', default: false },
      'no-parley': { type: 'boolean', default: false },
      'peer-without-archive': { type: 'boolean', default: false },
      profile: { type: 'boolean', default: false },
      storm: { type: 'string' },
      messages: { type: 'string' },
      'server-cores': { type: 'string' },
      'generator-cores': { type: 'string' },
    },
  })
  const only = values.only?.split(',') ?? workloads
  const unknown = only.filter((name) => !workloads.includes(name))
  if (unknown.length > 0) throw new Error(`no workload ${unknown.join(', ')}\n${usage}`)
  const layout = defaultLayout()
  return {
    only,
    quick: values.quick,
    peer: !values['no-peer'],
    parley: !values['no-parley'],
    peerArchive: !values['peer-without-archive'],
    profile: values.profile,
    layout: {
      server: values['server-cores'] ?? layout.server,
      generator: values['generator-cores'] ?? layout.generator,
    },
    stormClients: countOf(values.storm, values.quick ? 600 : 5_000),
    restartMessages: countOf(values.messages, values.quick ? 200_000 : 1_000_000),
  }
}

function countOf(text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise
  const count = Number(text)
  if (!Number.isInteger(count) || count < 2) throw new Error(`${text} is no count\n${usage}`)
  return count
}
