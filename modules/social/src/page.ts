import { AppError, isStorableText } from '@parley/contracts'

/** Pages ordered by one text: the cursor names the last one of the page before. Throws `invalid-cursor`. */
export function decodeCursor(cursor: string | undefined): string | undefined {
  if (cursor === undefined) return undefined
  const text = Buffer.from(cursor, 'base64url').toString()
  if (text === '' || !isStorableText(text) || Buffer.from(text).toString('base64url') !== cursor) {
    throw new AppError('invalid-cursor')
  }
  return text
}

/** The same for pages ordered by a number. */
export function decodeNumberCursor(cursor: string | undefined): number | undefined {
  const text = decodeCursor(cursor)
  if (text === undefined) return undefined
  const number = Number(text)
  if (!Number.isSafeInteger(number) || number < 0 || String(number) !== text)
    throw new AppError('invalid-cursor')
  return number
}

/** Cuts what was read with one row more than asked for into a page. */
export function toPage<Row, Item>(
  rows: readonly Row[],
  limit: number,
  { keyOf, itemOf }: { keyOf: (row: Row) => string; itemOf: (row: Row) => Item },
): { items: Item[]; nextCursor?: string } {
  const page = rows.slice(0, limit)
  const last = page.at(-1)
  const items = page.map(itemOf)
  if (rows.length <= limit || last === undefined) return { items }
  return { items, nextCursor: Buffer.from(keyOf(last)).toString('base64url') }
}

export interface PageRequest {
  limit: number
  cursor?: string | undefined
}
