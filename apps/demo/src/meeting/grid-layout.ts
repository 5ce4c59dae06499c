export interface GridLayout {
  columns: number
  rows: number
  tileWidth: number
  tileHeight: number
}

/** Tiles on a page: the step that holds everybody, else pages of the largest. */
const pageSizes = [1, 2, 4, 9]
/** The largest page where the stage is narrow, as on a phone. */
const narrowPage = 6
const narrowPx = 560

export const gapPx = 10
const widest = 16 / 9
/** A camera is cropped to no less than this; portrait tiles use the height of a phone. */
const narrowest = (width: number) => (width < narrowPx ? 3 / 4 : 5 / 4)

export function pageSize(count: number, width: number): number {
  if (width < narrowPx) return Math.min(Math.max(1, count), narrowPage)
  return pageSizes.find((size) => count <= size) ?? 9
}

/** The arrangement of `count` tiles that shows the most picture in the space, in CSS pixels. */
export function gridLayout(count: number, width: number, height: number): GridLayout {
  let best: GridLayout = { columns: 1, rows: Math.max(1, count), tileWidth: 0, tileHeight: 0 }
  for (let columns = 1; columns <= Math.max(1, count); columns++) {
    const rows = Math.ceil(Math.max(1, count) / columns)
    const cellWidth = (width - gapPx * (columns - 1)) / columns
    const cellHeight = (height - gapPx * (rows - 1)) / rows
    if (cellWidth <= 0 || cellHeight <= 0) continue
    const ratio = Math.min(widest, Math.max(narrowest(width), cellWidth / cellHeight))
    const tileWidth = Math.floor(Math.min(cellWidth, cellHeight * ratio))
    const tileHeight = Math.floor(Math.min(cellHeight, cellWidth / ratio))
    if (tileWidth * tileHeight > best.tileWidth * best.tileHeight)
      best = { columns, rows, tileWidth, tileHeight }
  }
  return best
}

/**
 * Who is shown in which place. The order of the last time is kept, newcomers are added at the end, and a speaker
 * beyond the first page takes the place of whoever on it has been silent longest; everybody else stays.
 */
export function arrange(
  before: readonly string[],
  present: readonly string[],
  lastSpokeMs: ReadonlyMap<string, number>,
  speakerId: string | undefined,
  firstPage: number,
): string[] {
  const here = new Set(present)
  const order = before.filter((id) => here.has(id))
  const known = new Set(order)
  order.push(...present.filter((id) => !known.has(id)))
  const at = speakerId === undefined ? -1 : order.indexOf(speakerId)
  if (at < firstPage || speakerId === undefined) return order
  // The first place belongs to the viewer.
  let quietest = firstPage > 1 ? 1 : 0
  for (let place = quietest; place < firstPage; place++) {
    if (spoke(lastSpokeMs, order[place]) < spoke(lastSpokeMs, order[quietest])) quietest = place
  }
  order[at] = order[quietest] ?? speakerId
  order[quietest] = speakerId
  return order
}

function spoke(lastSpokeMs: ReadonlyMap<string, number>, id: string | undefined): number {
  return lastSpokeMs.get(id ?? '') ?? 0
}
