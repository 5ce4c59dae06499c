import type { Words } from '../words/en.ts'
import type { Locale } from './ui-context.tsx'

export function clock(at: string, locale: Locale): string {
  return new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', hour12: false }).format(
    new Date(at),
  )
}

export function day(at: string, locale: Locale, words: Words): string {
  const date = new Date(at)
  const days = daysAgo(date)
  if (days === 0) return words.today
  if (days === 1) return words.yesterday
  const year = date.getFullYear() === new Date().getFullYear() ? {} : { year: 'numeric' as const }
  const parts = { weekday: 'long' as const, month: 'long' as const, day: 'numeric' as const, ...year }
  return new Intl.DateTimeFormat(locale, parts).format(date)
}

/** Short, for lists: the time today, then the day, then the date. */
export function moment(atMs: number, locale: Locale, words: Words): string {
  const date = new Date(atMs)
  const days = daysAgo(date)
  if (days === 0) return clock(date.toISOString(), locale)
  if (days === 1) return words.yesterday
  const parts =
    days < 7 ? { weekday: 'short' as const } : { month: 'numeric' as const, day: 'numeric' as const }
  return new Intl.DateTimeFormat(locale, parts).format(date)
}

export function size(bytes: number, locale: Locale): string {
  const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte']
  let value = bytes
  let unit = 0
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1
  return new Intl.NumberFormat(locale, {
    style: 'unit',
    unit: units[unit] ?? 'byte',
    unitDisplay: unit === 0 ? 'narrow' : 'short',
    maximumFractionDigits: digits,
  }).format(value)
}

function daysAgo(date: Date): number {
  const midnight = (of: Date) => new Date(of.getFullYear(), of.getMonth(), of.getDate()).getTime()
  return Math.round((midnight(new Date()) - midnight(date)) / 86_400_000)
}

/** Minutes and seconds. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}

/** An amount in units of 10^-scale of the currency. */
export function money(amount: number, scale: number, currency: string, locale: Locale): string {
  const value = amount / 10 ** scale
  try {
    return new Intl.NumberFormat(locale, { style: 'currency', currency }).format(value)
  } catch {
    return `${value.toFixed(scale)} ${currency}`
  }
}
