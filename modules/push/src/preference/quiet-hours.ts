import type { QuietHours } from '@parley/contracts'

/** Whether the moment lies in the span, by the clock of its time zone. The end is no part of it. */
export function isQuiet({ start, end, timeZone }: QuietHours, at: Date): boolean {
  const now = clockOf(at, timeZone)
  if (start === end) return false
  return start < end ? start <= now && now < end : now >= start || now < end
}

/** `HH:MM`, as it compares. */
function clockOf(at: Date, timeZone: string): string {
  const format = new Intl.DateTimeFormat('en-GB', {
    ...{ timeZone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
  })
  return format.format(at)
}
