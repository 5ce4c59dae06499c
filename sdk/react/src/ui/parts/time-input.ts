import type { Locale } from './ui-context.tsx'

/** What a `datetime-local` field holds for a moment: local time to the second. */
export function localInput(moment: Date): string {
  const two = (number: number) => String(number).padStart(2, '0')
  const day = [moment.getFullYear(), two(moment.getMonth() + 1), two(moment.getDate())].join('-')
  return `${day}T${[moment.getHours(), moment.getMinutes(), moment.getSeconds()].map(two).join(':')}`
}

/** The zone of this device with its distance from UTC at that moment, which summer time moves. */
export function timeZone(moment: Date, locale: Locale): string {
  const { timeZone: zone } = Intl.DateTimeFormat().resolvedOptions()
  const known = Number.isNaN(moment.getTime()) ? new Date() : moment
  const offset = new Intl.DateTimeFormat(locale, { timeZoneName: 'longOffset' })
    .formatToParts(known)
    .find(({ type }) => type === 'timeZoneName')?.value
  return offset === undefined || offset === zone ? zone : `${zone}, ${offset}`
}

/** A moment to come: the date where it is another day, the time, to the second where it is not a whole minute. */
export function dateTime(at: string, locale: Locale): string {
  const moment = new Date(at)
  const seconds = moment.getSeconds() === 0 ? {} : { second: '2-digit' as const }
  return new Intl.DateTimeFormat(locale, {
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hour12: false,
    ...seconds,
  }).format(moment)
}
