import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { addNewestKey, keepNewestKey } from './key-file.ts'
import { MasterKey } from './master-key.ts'

export interface RotationOptions {
  /** A session of the owner of the tables that sees all projects. */
  client: pg.Client
  /** Whose master.key is replaced. */
  dataDir: string
  /** Keeps the old key readable after all is sealed anew, until the next run: what it derived holds so long. */
  keepOldKey: boolean
  onProgress?: (resealed: number) => void
}

export interface RotationOutcome {
  /** Values that were sealed anew by this run. */
  resealed: number
  /** Values that name no key; while there are any, the old key stays. */
  unnamed: number
  /** Whether the old key is gone. */
  finished: boolean
}

const batch = 200
/** A process uses the new key from its next call on; what it had sealed just before is in a transaction by then. */
const settleMs = 1_000
const longestTransactionMs = 120_000

/**
 * Puts a new master key in place of the old while servers run. First both are in the file, then every sealed value
 * is sealed anew, then the old one is taken out. After a crash at any point the same call goes on; until the end
 * both keys open. Throws when another rotation runs.
 */
export async function rotateMasterKey(options: RotationOptions): Promise<RotationOutcome> {
  const { client, dataDir } = options
  const { rows } = await client.query<{ locked: boolean }>(
    `select pg_try_advisory_lock(hashtext('parley.rotate-master')) as locked`,
  )
  if (!rows[0]?.locked) throw new RotationError('Another rotation of the master key runs')
  try {
    addNewestKey(dataDir)
    const masterKey = MasterKey.load({ dataDir })
    const resealed = await resealAll(client, masterKey, options.onProgress)
    const unnamed = await countUnnamed(client)
    const finished = unnamed === 0 && !options.keepOldKey
    if (finished) keepNewestKey(dataDir)
    return { resealed, unnamed, finished }
  } finally {
    await client.query(`select pg_advisory_unlock(hashtext('parley.rotate-master'))`).catch(() => undefined)
  }
}

/** A rotation that cannot be done; the message says why. */
export class RotationError extends Error {
  override readonly name = 'RotationError'
}

/** Seals everything anew that an older key has sealed. Answers how many values. */
export async function resealAll(
  client: pg.Client,
  masterKey: MasterKey,
  onProgress: (resealed: number) => void = () => undefined,
): Promise<number> {
  let resealed = 0
  const pass = async (): Promise<void> => {
    for (const column of await byteColumns(client)) {
      for (;;) {
        const count = await resealBatch(client, masterKey, column)
        resealed += count
        if (count > 0) onProgress(resealed)
        if (count < batch) break
      }
    }
  }
  await pass()
  await letOlderTransactionsEnd(client)
  await pass()
  return resealed
}

interface ByteColumn {
  table: string
  column: string
  name: string
}

/** Sealed values say themselves what they are, so every column that can hold one is looked through. */
async function byteColumns(client: pg.Client): Promise<ByteColumn[]> {
  const { rows } = await client.query<{ schema: string; table: string; column: string }>(
    `select space.nspname as schema, class.relname as table, attribute.attname as column
      from pg_class class
        join pg_namespace space on space.oid = class.relnamespace
        join pg_attribute attribute on attribute.attrelid = class.oid and attribute.attnum > 0
          and not attribute.attisdropped and attribute.atttypid = 'bytea'::regtype and attribute.attgenerated = ''
      where class.relkind in ('r', 'p') and not class.relispartition
        and exists (select from pg_class steps where steps.relnamespace = space.oid
          and steps.relname = 'schema_migrations')
      order by 1, 2, 3`,
  )
  return rows.map(({ schema, table, column }) => ({
    table: `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(table)}`,
    column: pg.escapeIdentifier(column),
    name: column,
  }))
}

async function resealBatch(
  client: pg.Client,
  masterKey: MasterKey,
  { table, column }: ByteColumn,
): Promise<number> {
  const heads = masterKey.olderHeads
  if (heads.length === 0) return 0
  await client.query('begin')
  try {
    const { rows } = await client.query<{ part: string; place: string; sealed: Buffer }>(
      `select tableoid::text as part, ctid::text as place, ${column} as sealed from ${table}
        where substring(${column} from 1 for $2) = any($1::bytea[]) limit ${batch} for update`,
      [heads, heads[0]?.length ?? 0],
    )
    let count = 0
    for (const { part, place, sealed } of rows) {
      const anew = rewrapOrSkip(masterKey, sealed)
      if (anew === undefined) continue
      await client.query(
        `update ${table} set ${column} = $1 where tableoid = $2::oid and ctid = $3::tid and ${column} = $4`,
        [anew, part, place, sealed],
      )
      count++
    }
    await client.query('commit')
    return count
  } catch (error) {
    await client.query('rollback').catch(() => undefined)
    throw error
  }
}

/** What only begins like a sealed value, or is damaged, stays as it is. */
function rewrapOrSkip(masterKey: MasterKey, sealed: Buffer): Buffer | undefined {
  try {
    return masterKey.rewrap(sealed)
  } catch {
    return undefined
  }
}

/** So that no value sealed by the older key is committed behind our back. Backups, which run long, only read. */
async function letOlderTransactionsEnd(client: pg.Client): Promise<void> {
  await sleep(settleMs)
  const { rows } = await client.query<{ now: string }>('select clock_timestamp()::text as now')
  const deadline = performance.now() + longestTransactionMs
  for (;;) {
    const older = await client.query(
      `select from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
        and xact_start < $1::timestamptz and backend_type = 'client backend'
        and application_name not like 'parley backup%' limit 1`,
      [rows[0]?.now ?? ''],
    )
    if (older.rowCount === 0) return
    if (performance.now() > deadline)
      throw new RotationError('A transaction runs for two minutes already; run this again when it has ended')
    await sleep(100)
  }
}

/** Values of the first format, which tells no key: they open as long as the key is kept that sealed them. */
async function countUnnamed(client: pg.Client): Promise<number> {
  let unnamed = 0
  for (const { table, column, name } of await byteColumns(client)) {
    if (!name.includes('sealed')) continue
    const { rows } = await client.query<{ count: number }>(
      `select count(*)::int as count from ${table} where substring(${column} from 1 for 1) = '\\x01'`,
    )
    unnamed += rows[0]?.count ?? 0
  }
  return unnamed
}
