import type { ProgressReport } from '@parley/core/backup'
import type { Terminal } from './terminal.ts'

const betweenLinesMs = 2_000

/** Tells a line of progress now and then: `42 %  120,000 rows, 1.2 GiB, 310 objects, about 3 min left (chat.entries)`. */
export function progressLine(terminal: Terminal): (report: ProgressReport) => void {
  let toldAt = performance.now()
  return (report) => {
    const now = performance.now()
    if (now - toldAt < betweenLinesMs) return
    toldAt = now
    terminal.note(describeProgress(report))
  }
}

export function describeProgress(report: ProgressReport): string {
  const { fraction, rows, bytes, objects, activity, etaMs } = report
  const left = etaMs === undefined ? '' : `, about ${describeDuration(etaMs)} left`
  const done = `${rows.toLocaleString('en')} rows, ${describeBytes(bytes)}, ${objects.toLocaleString('en')} objects`
  return `${String(Math.floor(fraction * 100)).padStart(3)} %  ${done}${left} (${activity})`
}

export function describeBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  const step = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10))
  return `${(bytes / 1024 ** step).toFixed(step === 0 ? 0 : 1)} ${units[step]}`
}

export function describeDuration(ms: number): string {
  if (ms < 90_000) return `${Math.ceil(ms / 1_000)} s`
  if (ms < 5_400_000) return `${Math.ceil(ms / 60_000)} min`
  return `${(ms / 3_600_000).toFixed(1)} h`
}
