import { AppError, isCustomId } from '@parley/contracts'

/** Pages that are ordered by one id: the cursor names the last id of the page before. */
export function encodeCursor(id: string): string {
  return Buffer.from(id).toString('base64url')
}

/** Throws `invalid-cursor` for anything `encodeCursor` does not make. */
export function decodeCursor(cursor: string | undefined): string | undefined {
  if (cursor === undefined) return undefined
  const id = Buffer.from(cursor, 'base64url').toString()
  if (!isCustomId(id) || encodeCursor(id) !== cursor) throw new AppError('invalid-cursor')
  return id
}

export interface Page<Item> {
  items: Item[]
  nextCursor?: string
}

/** Cuts what was read with one row more than asked for into a page. */
export function toPage<Item extends { id: string }>(items: Item[], limit: number): Page<Item> {
  const page = items.slice(0, limit)
  const last = page.at(-1)
  return items.length > limit && last ? { items: page, nextCursor: encodeCursor(last.id) } : { items: page }
}
