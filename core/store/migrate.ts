import { createHash } from 'node:crypto'
import type { Logger } from '@parley/core/kernel'
import pg from 'pg'
import { Connection, type ConnectionOptions } from './connection.ts'
import type { Migrations } from './database.ts'
import { StoreError } from './store-error.ts'

interface AppliedStep {
  id: string
  checksum: string
}

/**
 * Brings one schema up to date. Processes that start together wait for each other; each step commits with its
 * entry in `schema_migrations`. Throws a StoreError when an applied step has another text by now, or when the
 * database was migrated by a newer Parley.
 */
export async function migrate(
  migrations: Migrations,
  options: ConnectionOptions,
  grantee: string | undefined,
  logger: Logger,
): Promise<void> {
  const { schema, steps } = migrations
  const connection = await Connection.open({ ...options, role: undefined, statementTimeoutMs: 0 })
  try {
    await connection.enter('*')
    await connection.query({ text: `select pg_advisory_lock(hashtext('parley.migrate'))` })
    const applied = await appliedSteps(connection, schema)
    checkHistory(migrations, applied)
    for (const step of steps.slice(applied.length)) {
      await applyStep(connection, schema, step)
      logger.info({ schema, step: step.id }, 'migration applied')
    }
    if (grantee !== undefined) await grant(connection, schema, grantee)
  } finally {
    await connection.close()
  }
}

function tableOf(schema: string): string {
  return `${pg.escapeIdentifier(schema)}.schema_migrations`
}

async function appliedSteps(connection: Connection, schema: string): Promise<AppliedStep[]> {
  const name = pg.escapeIdentifier(schema)
  // Asking first lets a user without the right to create schemas start on a database that is up to date.
  const { rows } = await connection.query<{ found: boolean }>({
    text: 'select to_regclass($1) is not null as found',
    values: [tableOf(schema)],
  })
  if (!rows[0]?.found) {
    await connection.query({ text: `create schema if not exists ${name}` })
    await connection.query({
      text: `create table ${tableOf(schema)} (
        position integer primary key,
        id text not null unique,
        checksum text not null,
        applied_at timestamptz not null default now()
      )`,
    })
  }
  const applied = await connection.query<AppliedStep>({
    text: `select id, checksum from ${tableOf(schema)} order by position`,
  })
  return applied.rows
}

function checkHistory({ schema, steps }: Migrations, applied: readonly AppliedStep[]): void {
  for (const [position, { id, checksum }] of applied.entries()) {
    const step = steps[position]
    if (step?.id !== id) {
      if (steps.some((known) => known.id === id))
        throw new StoreError(`migration ${schema}/${id} has moved: applied steps keep their place`)
      throw new StoreError(
        `The database holds step ${schema}/${id}, which this Parley does not know: a newer one has migrated it. ` +
          'Run that version or a later one, or restore a backup from before.',
      )
    }
    if (checksumOf(step.sql) !== checksum)
      throw new StoreError(
        `migration ${schema}/${id} was changed after it had been applied; add a new step instead`,
      )
  }
}

async function applyStep(
  connection: Connection,
  schema: string,
  step: { id: string; sql: string },
): Promise<void> {
  await connection.query({ text: 'begin' })
  try {
    await connection.query({ text: step.sql })
    await connection.query({
      text: `insert into ${tableOf(schema)} (position, id, checksum)
             select count(*), $1, $2 from ${tableOf(schema)}`,
      values: [step.id, checksumOf(step.sql)],
    })
    await connection.query({ text: 'commit' })
  } catch (cause) {
    if (!connection.broken) await connection.query({ text: 'rollback' })
    throw new StoreError(`migration ${schema}/${step.id} failed: ${String(cause)}`, { cause })
  }
}

async function grant(connection: Connection, schema: string, grantee: string): Promise<void> {
  const name = pg.escapeIdentifier(schema)
  const role = pg.escapeIdentifier(grantee)
  await connection.query({
    text: `grant usage on schema ${name} to ${role};
           grant select, insert, update, delete on all tables in schema ${name} to ${role};
           grant usage, select on all sequences in schema ${name} to ${role};
           alter default privileges in schema ${name} grant select, insert, update, delete on tables to ${role};
           alter default privileges in schema ${name} grant usage, select on sequences to ${role};
           revoke insert, update, delete on ${tableOf(schema)} from ${role}`,
  })
}

/** Line ends do not count: a checkout may turn them. */
function checksumOf(sql: string): string {
  return createHash('sha256').update(sql.replaceAll('\r\n', '\n').trim()).digest('hex')
}
