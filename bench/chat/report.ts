import type { PhaseResult } from './load/phase.ts'
import type { ChatTarget } from './load/target.ts'
import type { Figure } from './workload.ts'

export type TargetName = ChatTarget['name']
export type FiguresOf = Record<TargetName, Figure[]>

/** The figures of both servers beside each other, as a Markdown table. */
export function tableOf(figures: FiguresOf): string {
  const peerOf = new Map(figures.ejabberd.map((figure) => [figure.key, figure]))
  const lines = figures.parley.map((own) => {
    const peer = peerOf.get(own.key)
    const reached = own.goal === undefined ? '' : ` (${isReached(own) ? 'reached' : 'missed'})`
    return [
      own.label,
      own.unit,
      number(own.value),
      peer === undefined ? '-' : number(peer.value),
      peer === undefined ? '-' : (own.value / peer.value).toFixed(2),
      own.goal === undefined ? '' : `${number(own.goal)}${reached}`,
    ]
  })
  const known = new Set(figures.parley.map(({ key }) => key))
  for (const peer of figures.ejabberd) {
    if (!known.has(peer.key)) lines.push([peer.label, peer.unit, '-', number(peer.value), '-', ''])
  }
  return markdown([['Figure', 'Unit', 'Parley', 'ejabberd', 'Parley / ejabberd', 'Target'], ...lines])
}

export function isReached({ value, goal, better }: Figure): boolean {
  return goal === undefined || (better === 'more' ? value >= goal : value <= goal)
}

/** One phase on one line, with what was the bottleneck. */
export function describePhase(result: PhaseResult): string {
  const { pace, generator } = result
  const parts = result.parts
    .map(
      ({ part, cores, systemCores }) =>
        `${part} ${cores.toFixed(2)} (${systemCores.toFixed(2)} in the kernel)`,
    )
    .join(' + ')
  const how = 'window' in pace ? `${pace.window} under way` : `${Math.round(pace.perSecond)}/s`
  const exact = result.received === result.expected && result.surplus === 0
  return (
    `${how}: ${number(result.sendsPerSecond)} sends/s, ack ${ms(result.ackP50Ms)}/${ms(result.ackP99Ms)}; ` +
    `${number(result.deliveriesPerSecond)} deliveries/s, ${ms(result.deliveryP50Ms)}/${ms(result.deliveryP99Ms)} ms; ` +
    `received ${result.received} of ${result.expected}${exact ? '' : ' (NOT EQUAL)'}` +
    `${result.surplus > 0 ? `, ${result.surplus} twice` : ''}` +
    `${result.refused > 0 ? `, refused: ${result.reasons}` : ''}; cores: ${parts}; ` +
    `generator ${(generator.busy * 100).toFixed(0)} % busy, late by ${ms(generator.lagMs)} ms at most` +
    `${generator.bottleneck ? ' -- THE GENERATOR IS THE BOTTLENECK' : ''}`
  )
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

function number(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(3)))
}

const ms = (value: number): string => String(Number(value.toPrecision(3)))
