import pg from 'pg'
import { BackupError } from './backup-error.ts'
import type { CopiedDatabase } from './manifest.ts'

export interface TableShape {
  schema: string
  name: string
  columns: string[]
  /** Room on the disk, for progress. Bytes. */
  sizeBytes: number
  forcesRowSecurity: boolean
  hasTriggers: boolean
}

/** Each schema that our migrations have made names its steps in a table of this name. */
const migrationsTable = 'schema_migrations'
/** Holds transaction ids and snapshots that belong together; the outbox mends them itself. */
const schemaWithHistory = 'outbox'

export const qualified = ({ schema, name }: { schema: string; name: string }): string =>
  `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(name)}`

/** Names of the schemas that migrations of Parley have made, in order of name. */
export async function ownSchemas(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select space.nspname as name from pg_class class join pg_namespace space on space.oid = class.relnamespace
      where class.relname = $1 and class.relkind = 'r' order by space.nspname`,
    [migrationsTable],
  )
  return rows.map(({ name }) => name)
}

export async function readSteps(
  client: pg.Client,
  schemas: readonly string[],
): Promise<CopiedDatabase['schemas']> {
  const found: CopiedDatabase['schemas'] = []
  for (const name of schemas) {
    const { rows } = await client.query<{ id: string; checksum: string }>(
      `select id, checksum from ${qualified({ schema: name, name: migrationsTable })} order by position`,
    )
    found.push({ name, steps: rows })
  }
  return found
}

/**
 * The tables whose rows are copied, in an order in which references hold. Unlogged ones are left out: what they
 * hold is worth nothing after a crash. A transaction id that is the default of its column is left out as well: where
 * the rows are loaded, they belong to the transaction that loads them.
 */
export async function readTables(client: pg.Client, schemas: readonly string[]): Promise<TableShape[]> {
  const { rows } = await client.query<TableShape & { oid: string; unfit: string[] | null }>(
    `select class.oid::text as oid, space.nspname as schema, class.relname as name,
        class.relforcerowsecurity as "forcesRowSecurity",
        pg_total_relation_size(class.oid)::float8 as "sizeBytes",
        exists (select from pg_trigger where tgrelid = class.oid and not tgisinternal) as "hasTriggers",
        array_agg(attribute.attname::text order by attribute.attnum) filter (where not stamped.by_itself) as columns,
        array_agg(attribute.attname::text) filter (where not stamped.by_itself and space.nspname <> $3
          and attribute.atttypid in ('xid8'::regtype, 'pg_snapshot'::regtype)) as unfit
      from pg_class class
        join pg_namespace space on space.oid = class.relnamespace
        join pg_attribute attribute on attribute.attrelid = class.oid and attribute.attnum > 0
          and not attribute.attisdropped and attribute.attgenerated = ''
        left join pg_attrdef def on def.adrelid = class.oid and def.adnum = attribute.attnum
        cross join lateral (select attribute.atttypid = 'xid8'::regtype and space.nspname <> $3
          and coalesce(pg_get_expr(def.adbin, def.adrelid) = 'pg_current_xact_id()', false) as by_itself) stamped
      where space.nspname = any($1) and class.relname <> $2 and class.relkind in ('r', 'p')
        and not class.relispartition and class.relpersistence = 'p'
      group by class.oid, space.nspname
      order by space.nspname, class.relname`,
    [schemas, migrationsTable, schemaWithHistory],
  )
  for (const { schema, name, unfit } of rows) {
    if (unfit !== null)
      throw new BackupError(
        `${schema}.${name} keeps transaction ids in ${unfit.join(', ')}, which cannot move`,
      )
  }
  return inOrderOfReferences(client, rows)
}

async function inOrderOfReferences<T extends { oid: string }>(client: pg.Client, tables: T[]): Promise<T[]> {
  const { rows } = await client.query<{ from: string; to: string }>(
    `select conrelid::text as "from", confrelid::text as "to" from pg_constraint
      where contype = 'f' and conrelid <> confrelid and conrelid = any($1::oid[])`,
    [tables.map(({ oid }) => oid)],
  )
  const ordered: T[] = []
  const waiting = new Set(tables)
  while (waiting.size > 0) {
    const waitingIds = new Set([...waiting].map(({ oid }) => oid))
    const free = [...waiting].filter(
      ({ oid }) => !rows.some(({ from, to }) => from === oid && waitingIds.has(to)),
    )
    if (free.length === 0) throw new BackupError('Tables refer to each other in a circle')
    for (const table of free) {
      ordered.push(table)
      waiting.delete(table)
    }
  }
  return ordered
}

/** What they hand out next; not bound to a snapshot, so it is never behind the rows. */
export async function readSequences(
  client: pg.Client,
  schemas: readonly string[],
): Promise<CopiedDatabase['sequences']> {
  const { rows } = await client.query<{ schema: string; name: string }>(
    `select space.nspname as schema, class.relname as name
      from pg_class class join pg_namespace space on space.oid = class.relnamespace
      where class.relkind = 'S' and space.nspname = any($1) order by 1, 2`,
    [schemas],
  )
  const found: CopiedDatabase['sequences'] = []
  for (const sequence of rows) {
    const state = await client.query<{ last: string; called: boolean }>(
      `select last_value::text as last, is_called as called from ${qualified(sequence)}`,
    )
    const { last = '1', called = false } = state.rows[0] ?? {}
    found.push({ ...sequence, lastValue: last, isCalled: called })
  }
  return found
}

export async function readExtensions(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select extname as name from pg_extension where extname <> 'plpgsql' order by 1`,
  )
  return rows.map(({ name }) => name)
}
