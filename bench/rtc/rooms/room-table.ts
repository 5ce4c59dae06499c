import type { DelayQuantiles } from '../load/generator.ts'
import type { AudienceStep } from './audience.ts'
import type { MeetingFigures } from './meeting.ts'
import type { RoomWindow } from './room-load.ts'

type Row = readonly [label: string, ...values: string[]]

export function meetingTable({
  members,
  tiles,
  joined,
  allShown,
  still,
  paging,
  together,
}: MeetingFigures): string {
  const each = (label: string, of: (window: RoomWindow) => string): Row => [
    label,
    of(still),
    of(paging),
    of(together),
  ]
  return markdown(
    [`${members} x ${members}, ${tiles} tiles`, 'same tiles', 'other tiles every 3 s', 'all of them at once'],
    [
      ...shared(each),
      each('picture delay p50 / p99', ({ video }) => pair(video)),
      each('packets lost after repair', ({ total }) => number(total.lost)),
      each('packets that were repaired', ({ total }) => number(total.repaired)),
      each('frames checked', ({ total }) => number(total.checked)),
      each('frames of somebody else', ({ total }) => number(total.wrong)),
      each('packets on an SSRC no offer named', ({ total }) => number(total.unannounced)),
      each('packets of pictures not wanted for 1 s', ({ total }) => number(total.unwanted)),
      each(
        'tiles dark at the end',
        ({ total }) => `${total.dark} of ${members * tiles}${reasons(total.darkReasons)}`,
      ),
      each('ways to members as measured, kbit/s: lowest / p10 / p50', ({ paths }) =>
        [paths.lowest, paths.p10, paths.p50].map(number).join(' / '),
      ),
      each('refused, or told to begin anew', ({ total }) => number(total.refusals.length)),
      each('new tile to its picture p50 / p99', ({ shown }) => (shown.count === 0 ? '' : pair(shown))),
      ['all at once: in and publishing p50 / last', `${ms(joined.p50Ms)} / ${ms(joined.maxMs)}`, '', ''],
      ['all at once: all nine pictures p50 / last', `${ms(allShown.p50Ms)} / ${ms(allShown.maxMs)}`, '', ''],
    ],
  )
}

export function audienceTable(steps: readonly AudienceStep[]): string {
  const windows = (label: string, of: (window: RoomWindow) => string): Row => [
    label,
    ...steps.map(({ window }) => of(window)),
  ]
  const each = (label: string, of: (step: AudienceStep) => string): Row => [label, ...steps.map(of)]
  return markdown(
    ['10 speakers, 3 loud', ...steps.map(({ listeners }) => `${number(listeners)} listeners`)],
    [
      each('of these, members by realtime', ({ asMembers }) => number(asMembers)),
      ...shared(windows),
      each('kept up with', ({ keptUpPercent }) => `${keptUpPercent.toFixed(1)} %`),
      each('lost', ({ lossPercent }) => `${lossPercent.toFixed(3)} %`),
      windows('of these, dropped before a generator took them', ({ total }) => number(total.dropped)),
      windows('listeners that heard nothing', ({ total }) => number(total.silent)),
      windows('packets opened and checked', ({ total }) => number(total.checked)),
      windows('of somebody else', ({ total }) => number(total.wrong)),
      each('packets of those who are not loud', ({ notLoudest }) => number(notLoudest)),
      windows('memory of the media processes', ({ mediaMemoryMiB }) => `${number(mediaMemoryMiB)} MiB`),
      windows('memory of server and database', ({ controlMemoryMiB }) => `${number(controlMemoryMiB)} MiB`),
      each('joins a second on the way there', ({ joinsPerSecond }) => number(joinsPerSecond)),
      each('join to first packet p50 / p99', ({ heard }) => `${ms(heard.p50Ms)} / ${ms(heard.p99Ms)}`),
      each('joins that failed', ({ failed }) => number(failed.length)),
    ],
  )
}

function shared(row: (label: string, of: (window: RoomWindow) => string) => Row): Row[] {
  return [
    row('packets a second in / out', (one) => `${number(one.packetsIn)} / ${number(one.packetsOut)}`),
    row('media processes that ended', ({ workersEnded }) => number(workersEnded)),
    row('cores of each media process', ({ mediaCores }) =>
      mediaCores.map((cores) => figure(cores, 2)).join(' + '),
    ),
    row('of these, in the kernel', ({ mediaKernelShare }) => `${figure(mediaKernelShare * 100, 0)} %`),
    row('CPU us a packet in or out', (one) => figure(one.cpuMicrosecondsPerPacket, 2)),
    row('cores of server and database', ({ controlCores }) => controlCores.toFixed(2)),
    row('sound delay p50 / p99', ({ audio }) => pair(audio)),
    row('cores of all generators', ({ generatorCores }) => generatorCores.toFixed(2)),
    row('generators: CPU us a packet', (one) => one.generatorMicrosecondsPerPacket.toFixed(2)),
    row(
      'busiest generator: event loop busy / late',
      (one) => `${(one.generatorBusy * 100).toFixed(0)} % / ${ms(one.generatorLagMs)}`,
    ),
  ]
}

function reasons(all: readonly string[]): string {
  if (all.length === 0) return ''
  const counts = [...new Set(all)].map((reason) => `${reason} ${all.filter((one) => one === reason).length}`)
  return ` (${counts.join(', ')})`
}

function markdown(heads: readonly string[], rows: readonly Row[]): string {
  return [heads, heads.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

/** Of processes that ended nobody knows what they took. */
const figure = (value: number, digits: number): string => (Number.isNaN(value) ? '?' : value.toFixed(digits))
const ms = (value: number): string => `${Number(value.toPrecision(3))} ms`
const pair = ({ p50Ms, p99Ms }: DelayQuantiles): string => `${ms(p50Ms)} / ${ms(p99Ms)}`
const number = (value: number): string => Math.round(value).toLocaleString('en-US')
