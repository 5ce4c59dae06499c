import { truncated } from '../fitting.ts'
import type { Languages, TemplateText } from './built-in.ts'

export type Variables = Readonly<Record<string, string>>

/** Graphemes. */
const mostOfVariable = 300
const mostOfTitle = 120
const mostOfBody = 500

/** Control characters, and those that turn the direction of what follows, could make a push say something else. */
const unsafe = /[\p{Cc}\u202a-\u202e\u2066-\u2069]+/gu

/**
 * Fills in a template. What stands in a variable is never looked into again, a missing variable is empty, and every
 * part is bounded without cutting a grapheme.
 */
export function render({ title, body }: TemplateText, variables: Variables): TemplateText {
  return {
    title: truncated(fill(title, variables), mostOfTitle),
    body: truncated(fill(body, variables), mostOfBody),
  }
}

function fill(template: string, variables: Variables): string {
  const filled = template.replace(/\{\{\s*([A-Za-z0-9_.]{1,64})\s*\}\}/g, (_, name: string) => {
    const value = Object.hasOwn(variables, name) ? (variables[name] ?? '') : ''
    return truncated(value.slice(0, 20_000).toWellFormed().replace(unsafe, ' ').trim(), mostOfVariable)
  })
  return filled.trim()
}

/** The text for a device's language: the same tag, else the same language, else English, else the first there is. */
export function inLanguage(languages: Languages, tag: string | undefined): TemplateText {
  const wanted = tag?.toLowerCase()
  const base = wanted?.split('-')[0]
  const entries = Object.entries(languages)
  const find = (fits: (tag: string) => boolean): TemplateText | undefined =>
    entries.find(([each]) => fits(each.toLowerCase()))?.[1]
  return (
    find((each) => each === wanted) ??
    find((each) => each === base) ??
    find((each) => each.split('-')[0] === base) ??
    find((each) => each === 'en' || each.startsWith('en-')) ??
    entries[0]?.[1] ?? { title: '', body: '' }
  )
}
