import type { Seen } from './page.ts'
import { weathers } from './weathers.ts'

/** Parley as it is, without what it does against losses, and its peer. */
export const ways = ['handled', 'off', 'janus'] as const

export type Way = (typeof ways)[number]

export interface CallFigures extends Seen {
  name: string
  way: Way
  /** Kilobits a second that left for the subscriber. */
  sentKbps: number
  framesPainted: number
  lostPercent: number
  facts: Record<string, unknown>
}

export function lineOf(one: CallFigures): string {
  const { name, way, framesShown, framesPainted } = one
  const picture = name.startsWith('picture')
    ? `; frames ${((100 * framesShown) / Math.max(1, framesPainted)).toFixed(1)} %, within 400 ms ${one.within400Percent.toFixed(1)} %, ` +
      `600 ms ${one.within600Percent.toFixed(1)} %, frozen ${one.frozenPercent.toFixed(1)} %, delay p50 ${one.delayP50Ms} p95 ${one.delayP95Ms} ms, ${one.width} wide`
    : ''
  return (
    `${name}${way === 'handled' ? '' : ` (${way})`}: lost ${one.lostPercent.toFixed(0)} % on the way; sound invented ${one.concealedPercent.toFixed(2)} %, ` +
    `frozen ${one.audioFrozenPercent.toFixed(1)} %, buffer ${one.audioBufferMs.toFixed(0)} ms${picture}; ${one.sentKbps.toFixed(0)} kbit/s ${JSON.stringify(one.facts)}`
  )
}

/** A row a weather, a group of columns a way. */
export function callTable(figures: readonly CallFigures[]): string {
  const shown = ways.filter((way) => figures.some((one) => one.way === way))
  return [...tableOf('sound', figures, shown), '', ...tableOf('picture', figures, shown)].join('\n')
}

const columns = {
  sound: ['invented', 'frozen', 'buffer', 'kbit/s'],
  picture: ['shown', 'within 400 ms', 'frozen', 'delay p50 / p95', 'kbit/s'],
}

function tableOf(
  kind: 'sound' | 'picture',
  figures: readonly CallFigures[],
  shown: readonly Way[],
): string[] {
  const heads = shown.flatMap((way) =>
    columns[kind].map((name) => (way === 'handled' ? name : `${way}: ${name}`)),
  )
  const rows = weathers
    .filter(({ name, video }) => video === (kind === 'picture') && figures.some((one) => one.name === name))
    .map(({ name }) => {
      const cells = shown.flatMap((way) =>
        cellsOf(
          kind,
          figures.find((one) => one.name === name && one.way === way),
        ),
      )
      return [name.replace(/^\w+, /, ''), ...cells]
    })
  const title = kind === 'sound' ? 'Sound' : 'Picture'
  const lines = [[title, ...heads], [title, ...heads].map(() => '---'), ...rows]
  return lines.map((cells) => `| ${cells.join(' | ')} |`)
}

function cellsOf(kind: 'sound' | 'picture', one: CallFigures | undefined): string[] {
  if (one === undefined) return columns[kind].map(() => '-')
  const sent = one.sentKbps.toFixed(0)
  if (kind === 'sound') {
    if (one.audioBufferMs === 0) return ['nothing played', '-', '-', sent]
    const [invented, frozen] = [one.concealedPercent, one.audioFrozenPercent]
    return [`${invented.toFixed(2)} %`, `${frozen.toFixed(1)} %`, `${one.audioBufferMs.toFixed(0)} ms`, sent]
  }
  const shown = (100 * one.framesShown) / Math.max(1, one.framesPainted)
  return [
    ...[`${shown.toFixed(0)} %`, `${one.within400Percent.toFixed(0)} %`, `${one.frozenPercent.toFixed(1)} %`],
    ...[`${one.delayP50Ms} / ${one.delayP95Ms} ms`, sent],
  ]
}
