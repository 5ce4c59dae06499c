import type { Limits } from './limits.ts'
import type { TargetFigures, WindowFigures } from './measure.ts'
import type { TargetName } from './target.ts'
import type { WeakFigures } from './weak-network.ts'

interface Row {
  label: string
  parley: number | undefined
  janus: number | undefined
  goal?: { value: number; better: 'more' | 'less' }
  /** Absent where there is no such ratio. */
  limit?: number
}

/** The figures of both servers beside each other and beside the physical limit, as a Markdown table. */
export function tableOf(
  limits: Limits,
  figures: readonly TargetFigures[],
  weak: readonly WeakFigures[],
): string {
  const rows = [...limitRows(limits), ...rowsOf(limits, figures), ...weakRows(weak)]
  const lines = rows.map(({ label, parley, janus, goal, limit }) => [
    label,
    number(parley),
    number(janus),
    parley === undefined || janus === undefined || janus === 0 ? '-' : `${(parley / janus).toFixed(2)}`,
    limit === undefined ? '' : number(limit),
    goal === undefined
      ? ''
      : `${goal.better === 'less' ? '<' : '>='} ${number(goal.value)}${verdict(parley, goal)}`,
  ])
  const ciphers = figures.map(({ name, cipher }) => `${name} ${cipher}`).join(', ')
  return `${markdown([['Figure', 'Parley', 'janus', 'Parley / janus', 'Physical limit', 'Target'], ...lines])}\nCiphers: ${ciphers}`
}

function verdict(value: number | undefined, goal: NonNullable<Row['goal']>): string {
  if (value === undefined) return ''
  return (goal.better === 'less' ? value < goal.value : value >= goal.value) ? ' (reached)' : ' (missed)'
}

function limitRows(limits: Limits): Row[] {
  const none = { parley: undefined, janus: undefined }
  return [
    { label: 'seal only, packets a CPU-second', ...none, limit: limits.sealOnly },
    { label: 'seal and sendto', ...none, limit: limits.sendto },
    { label: 'seal and sendmmsg', ...none, limit: limits.sendmmsg },
    { label: 'AES128_CM_SHA1_80 and sendmmsg', ...none, limit: limits.counterMode },
  ]
}

function rowsOf(limits: Limits, figures: readonly TargetFigures[]): Row[] {
  const of = (name: TargetName) => figures.find((one) => one.name === name)
  const [parley, janus] = [of('parley'), of('janus')]
  const row = (
    label: string,
    read: (one: TargetFigures) => number | undefined,
    more: Partial<Row> = {},
  ): Row => ({
    ...{ label, parley: parley && read(parley), janus: janus && read(janus) },
    ...more,
  })
  const steps = new Set(figures.flatMap(({ windows }) => windows.map(({ subscribers }) => subscribers)))
  const [first = 0] = steps
  const rows: Row[] = [
    row('joins a second, one after the other (to the first frame)', ({ inTurn }) => inTurn.perSecond),
    row('alone: first packet p50, ms', ({ inTurn }) => inTurn.firstPacketP50Ms),
    row('alone: first frame p50, ms', ({ inTurn }) => inTurn.firstFrameP50Ms),
    row('alone: first frame p95, ms', ({ inTurn }) => inTurn.firstFrameP95Ms, {
      goal: { value: 300, better: 'less' },
    }),
    row(`${first} at once: joins a second`, ({ atOnce }) => atOnce.perSecond, {
      goal: { value: 100, better: 'more' },
    }),
    row(`${first} at once: first packet p95, ms`, ({ atOnce }) => atOnce.firstPacketP95Ms),
    row(`${first} at once: first frame p95, ms`, ({ atOnce }) => atOnce.firstFrameP95Ms),
  ]
  for (const step of steps) {
    const window = (read: (figures: WindowFigures) => number) => (one: TargetFigures) => {
      const found = one.windows.find(({ subscribers }) => subscribers === step)
      return found && read(found)
    }
    const at = `1 -> ${step}: `
    rows.push(
      row(
        `${at}packets a CPU-second`,
        window((one) => one.packetsPerCpuSecond),
        {
          limit: limits.sendmmsg,
          goal: { value: 250_000, better: 'more' },
        },
      ),
      row(
        `${at}CPU us a packet`,
        window((one) => one.cpuMicrosecondsPerPacket),
        { limit: 1e6 / limits.sendmmsg },
      ),
      row(
        `${at}packets a second`,
        window((one) => one.packetsPerSecond),
      ),
      row(
        `${at}cores of the forwarding process`,
        window((one) => one.mediaCores),
      ),
      row(
        `${at}cores of the control process and its database`,
        window((one) => one.controlCores),
      ),
      row(
        `${at}subscribers that joined`,
        window((one) => one.players),
      ),
      row(
        `${at}kept up with, %`,
        window((one) => one.keptUpPercent),
      ),
      row(
        `${at}lost, %`,
        window((one) => one.lossPercent),
      ),
      row(
        `${at}delay of audio p50, ms`,
        window((one) => one.audio.p50Ms),
      ),
      row(
        `${at}delay of audio p99, ms`,
        window((one) => one.audio.p99Ms),
        { goal: { value: 1, better: 'less' } },
      ),
      row(
        `${at}delay of video p50, ms`,
        window((one) => one.video.p50Ms),
      ),
      row(
        `${at}delay of video p99, ms`,
        window((one) => one.video.p99Ms),
      ),
      row(
        `${at}delay without a server p99, ms`,
        window((one) => one.floor.p99Ms),
      ),
      row(
        `${at}joins a second on the way there`,
        window((one) => one.joined.perSecond),
      ),
      row(
        `${at}generator busy, %`,
        window((one) => one.generatorBusy * 100),
      ),
    )
  }
  return rows
}

function weakRows(weak: readonly WeakFigures[]): Row[] {
  const of = (name: TargetName) => weak.find((one) => one.name === name)
  const [parley, janus] = [of('parley'), of('janus')]
  if (weak.length === 0) return []
  const row = (label: string, read: (one: WeakFigures) => number): Row => ({
    label: `5 % loss and 100 ms each way: ${label}`,
    parley: parley && read(parley),
    janus: janus && read(janus),
  })
  return [
    row('frames a second of 30', (one) => one.framesPerSecond),
    row('frames delivered, %', (one) => one.deliveredPercent),
    row('frames delivered within 400 ms, %', (one) => one.onTimePercent),
    row('delay of frames p50, ms', (one) => one.delayP50Ms),
    row('delay of frames p95, ms', (one) => one.delayP95Ms),
    row('packets to the subscriber for one published', (one) => one.packetsRatio),
  ]
}

function markdown(rows: readonly string[][]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`
  const [head = [], ...body] = rows
  return [line(head), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...body.map(line)].join(
    '\n',
  )
}

function number(value: number | undefined): string {
  if (value === undefined) return '-'
  return value >= 100 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(3)))
}
