import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import type { TargetName } from './target.ts'

export interface BenchOptions {
  quick: boolean
  /** Calls between browsers over bad networks, and nothing else. */
  calls: string | undefined
  /** The cases of RFC 8867 over sockets, and nothing else. */
  rfc8867: string | undefined
  /** How fast a call begins while packets are lost, and nothing else. */
  connecting: string | undefined
  /** How often subscribers send transport-wide feedback; 0: never. Milliseconds. */
  feedbackMs: number
  /** Congestion control alone, fed as a media worker feeds it, and nothing else. */
  control: string | undefined
  /** Whole rooms, `meeting` and `audience`, and nothing else. */
  rooms: string | undefined
  /** Listeners of an audience that are members by realtime; the others play by WHEP. */
  listeningMembers: number
  targets: readonly TargetName[]
  /** Subscribers, ascending. */
  steps: readonly number[]
  windowSeconds: number
  /** Processes of subscribers, or of members. */
  generators: number
  weakSeconds: number
  mediaCore: string
  otherCores: string
}

export const usage = `npm run bench -- rtc [options]
  --quick             shorter windows, 50 and 200 subscribers, no weak network: under 90 s
  --calls <pattern>   calls between browsers over bad networks, with and without loss handling, and janus; '.' for all,
                      12 minutes
  --rfc8867 <pattern> the cases of RFC 8867 over UDP and testing/weaknet; '.' for all, seven minutes
  --connecting <pattern>  how fast a call begins while nothing, 70 or 80 % are lost one way; '.' for all, ten minutes
  --control <pattern> what congestion control costs, on a virtual clock ('.' for all) and in a media worker
  --rooms <pattern>   whole rooms: 'meeting' (30 x 30, 9 tiles) and 'audience' (10 speakers); '.' for both
  --members N         of an audience, those who listen as members by realtime, not by WHEP (200)
  --steps 50,200      subscribers (50,200,1000), of --rooms listeners (500,1000,2000,3000)
  --seconds N         length of a window
  --feedback N        subscribers send transport-wide feedback each N ms, as browsers do each 50 to 100
  --no-peer           without janus
  --no-parley         janus alone
  --no-weak           without the weak network
  --generators N      processes of subscribers, or of members (cores but one, at least 2)
  --media-core 0      where the forwarding process runs, alone
  --other-cores 1-3   where everything else runs`

export function readOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      calls: { type: 'string' },
      rfc8867: { type: 'string' },
      connecting: { type: 'string' },
      control: { type: 'string' },
      rooms: { type: 'string' },
      members: { type: 'string' },
      steps: { type: 'string' },
      seconds: { type: 'string' },
      generators: { type: 'string' },
      feedback: { type: 'string' },
      'no-peer': { type: 'boolean', default: false },
      'no-parley': { type: 'boolean', default: false },
      'no-weak': { type: 'boolean', default: false },
      'media-core': { type: 'string' },
      'other-cores': { type: 'string' },
    },
  })
  const { quick } = values
  const cores = availableParallelism()
  const targets: TargetName[] = []
  if (!values['no-parley']) targets.push('parley')
  if (!values['no-peer']) targets.push('janus')
  return {
    quick,
    calls: values.calls,
    rfc8867: values.rfc8867,
    connecting: values.connecting,
    feedbackMs: values.feedback === undefined ? 0 : countOf(values.feedback),
    control: values.control,
    rooms: values.rooms,
    listeningMembers: values.members === undefined ? 200 : countOf(values.members, 0),
    targets,
    steps: (values.steps ?? defaultSteps(values.rooms !== undefined, quick))
      .split(',')
      .map((step) => countOf(step)),
    windowSeconds: values.seconds === undefined ? (quick ? 4 : 8) : countOf(values.seconds),
    generators: values.generators === undefined ? Math.max(2, cores - 1) : countOf(values.generators),
    weakSeconds: values['no-weak'] || quick ? 0 : 12,
    mediaCore: values['media-core'] ?? '0',
    otherCores: values['other-cores'] ?? (cores < 2 ? '0' : cores === 2 ? '1' : `1-${cores - 1}`),
  }
}

function defaultSteps(rooms: boolean, quick: boolean): string {
  if (rooms) return quick ? '500' : '500,1000,2000,3000'
  return quick ? '50,200' : '50,200,1000'
}

function countOf(text: string, least = 1): number {
  const count = Number(text)
  if (!Number.isInteger(count) || count < least) throw new Error(`${text} is no count\n${usage}`)
  return count
}
