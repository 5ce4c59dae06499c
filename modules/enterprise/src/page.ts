import { AppError, isStorableText } from '@parley/contracts'

/** Pages ordered by one text: the cursor names the last one of the page before. Throws `invalid-cursor`. */
export function decodeCursor(cursor: string | undefined): string {
  if (cursor === undefined) return ''
  const text = Buffer.from(cursor, 'base64url').toString()
  if (!isStorableText(text) || Buffer.from(text).toString('base64url') !== cursor)
    throw new AppError('invalid-cursor')
  return text
}

/** Cuts what was read with one row more than asked for into a page. */
export function toPage<Item>(
  items: Item[],
  limit: number,
  keyOf: (item: Item) => string,
): { items: Item[]; nextCursor?: string } {
  const page = items.slice(0, limit)
  const last = page.at(-1)
  if (items.length <= limit || last === undefined) return { items: page }
  return { items: page, nextCursor: Buffer.from(keyOf(last)).toString('base64url') }
}
