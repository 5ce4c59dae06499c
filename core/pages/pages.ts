import { AppError, isStorableText } from '@parley/contracts'

/** Which page of a list is asked for: at most `limit` items, behind the cursor of the page before. */
export interface PageRequest {
  limit: number
  cursor?: string | undefined
}

/** What a list answers; without `nextCursor` it is the last page. */
export interface Page<Item> {
  items: Item[]
  nextCursor?: string
}

/** By what a list is ordered: one column, or several that are compared as a row. */
export type PageKey = string | number | readonly (string | number)[]

/**
 * Cuts what was read with one row more than asked for into a page. `keyOf` answers the columns by which the rows are
 * ordered; the cursor names those of the last row shown, so that rows that come and go in between shift nothing.
 */
export function toPage<Row, Item>(
  rows: readonly Row[],
  limit: number,
  { keyOf, itemOf }: { keyOf: (row: Row) => PageKey; itemOf: (row: Row) => Item },
): Page<Item> {
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  const items = shown.map(itemOf)
  if (rows.length <= limit || last === undefined) return { items }
  return { items, nextCursor: encodeCursor(keyOf(last)) }
}

/** Opaque to clients: the key in base64url. */
export function encodeCursor(key: PageKey): string {
  return Buffer.from(typeof key === 'object' ? JSON.stringify(key) : String(key)).toString('base64url')
}

/** The key of a list that is ordered by one text; without a cursor undefined. Throws `invalid-cursor`. */
export function decodeCursor(cursor: string | undefined): string | undefined {
  if (cursor === undefined) return undefined
  const text = Buffer.from(cursor, 'base64url').toString()
  const canonical = Buffer.from(text).toString('base64url') === cursor
  if (text === '' || !canonical || !isStorableText(text)) throw new AppError('invalid-cursor')
  return text
}

/** The key of a list that is ordered by a number, from 0 on. Throws `invalid-cursor`. */
export function decodeNumberCursor(cursor: string | undefined): number | undefined {
  const text = decodeCursor(cursor)
  if (text === undefined) return undefined
  const number = Number(text)
  if (!Number.isSafeInteger(number) || number < 0 || String(number) !== text)
    throw new AppError('invalid-cursor')
  return number
}

interface KeyParts {
  text: string
  integer: number
  /** As PostgreSQL writes a timestamp: with all its microseconds, which a Date would lose. */
  time: string
}

/** The key of a list that is ordered by several columns, of the kinds named. Throws `invalid-cursor`. */
export function decodeRowCursor<const Kinds extends readonly (keyof KeyParts)[]>(
  cursor: string | undefined,
  kinds: Kinds,
): { -readonly [Index in keyof Kinds]: KeyParts[Kinds[Index]] } | undefined {
  const text = decodeCursor(cursor)
  if (text === undefined) return undefined
  const parts = parseArray(text)
  const fits = parts?.length === kinds.length && parts.every((part, index) => isOfKind(part, kinds[index]))
  if (!fits) throw new AppError('invalid-cursor')
  return parts as { -readonly [Index in keyof Kinds]: KeyParts[Kinds[Index]] }
}

function isOfKind(part: unknown, kind: keyof KeyParts | undefined): boolean {
  if (kind === 'integer') return Number.isSafeInteger(part)
  if (typeof part !== 'string' || !isStorableText(part)) return false
  return kind === 'text' || isTime(part)
}

/** Stricter than Date.parse, which takes `x 1` and the 30th of February, where PostgreSQL fails. */
function isTime(text: string): boolean {
  const [, date, time] =
    /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.\d{1,6})?[+-]\d\d(?::\d\d)?$/.exec(text) ?? []
  const read = new Date(`${date}T${time}Z`)
  return !Number.isNaN(read.getTime()) && read.toISOString() === `${date}T${time}.000Z`
}

function parseArray(text: string): unknown[] | undefined {
  try {
    const parsed: unknown = JSON.parse(text)
    return Array.isArray(parsed) ? parsed : undefined
  } catch {
    return undefined
  }
}
