import { z } from 'zod'

/** Query of every list: an opaque cursor from the last page, and how many items a page holds. */
export const pageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().max(512).optional(),
})

/** A page of items; `nextCursor` is absent on the last page. */
export const pageOf = <Item extends z.ZodType>(item: Item) =>
  z.object({ items: z.array(item), nextCursor: z.string().optional() })

/** Acknowledgement of a call whose success says everything. */
export const done = z.object({ done: z.literal(true) }).meta({ id: 'Done' })

/** A point in time, RFC 3339 in UTC. */
export const timestamp = z.iso.datetime().meta({ description: 'RFC 3339, UTC' })

const maxCustomBytes = 4096

/** Free JSON of the customer, at most 4 KiB once encoded and 8 levels deep. */
export const customData = z
  .record(z.string().max(128), z.json())
  .refine((value) => fitsBytes(value, maxCustomBytes), `must be at most ${maxCustomBytes} bytes of JSON`)
  .meta({ id: 'CustomData' })

function fitsBytes(value: unknown, limit: number): boolean {
  return new TextEncoder().encode(JSON.stringify(value)).length <= limit
}
