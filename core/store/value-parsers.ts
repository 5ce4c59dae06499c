import pg from 'pg'

const { builtins, getTypeParser } = pg.types

function integerOrText(text: string): number | string {
  const value = Number(text)
  return Number.isSafeInteger(value) ? value : text
}

/** Object ids of the array types, from pg_type; the driver names only element types. */
const arrayOf: Record<'text' | 'int8' | 'timestamp' | 'date', number> = {
  text: 1009,
  int8: 1016,
  timestamp: 1115,
  date: 1182,
}

type Nested<T> = T | null | Nested<T>[]

function textArray(text: string): Nested<string> {
  return getTypeParser(arrayOf.text)(text)
}

function mapDeep<T, U>(value: Nested<T>, map: (leaf: T) => U): Nested<U> {
  if (Array.isArray(value)) return value.map((element) => mapDeep(element, map))
  return value === null ? null : map(value)
}

const asText = (text: string) => text

/**
 * `bigint` becomes a number while that is exact, else text. Dates and timestamps without a zone stay text, as
 * a JavaScript Date would put them into the zone of the machine. `xid8` and `numeric` are text by themselves.
 */
const textParsers = new Map<number, (text: string) => unknown>([
  [builtins.INT8, integerOrText],
  [builtins.DATE, asText],
  [builtins.TIMESTAMP, asText],
  [arrayOf.int8, (text) => mapDeep(textArray(text), integerOrText)],
  [arrayOf.date, textArray],
  [arrayOf.timestamp, textArray],
])

export const valueTypes: pg.CustomTypesConfig = {
  getTypeParser(oid: number, format?: 'text' | 'binary') {
    return (format !== 'binary' && textParsers.get(oid)) || getTypeParser(oid, format)
  },
}
