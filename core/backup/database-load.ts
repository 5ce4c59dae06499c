import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import { BackupError } from './backup-error.ts'
import { qualified, readTables, type TableShape } from './catalogue.ts'
import type { Manifest } from './manifest.ts'
import { readParts } from './parts.ts'
import type { ProgressMeter } from './progress-meter.ts'
import { unfinishedSchema } from './unfinished-restore.ts'

/** Loads all rows in one transaction, which also takes away the mark that a restore is under way. */
export async function loadDatabase(
  client: pg.Client,
  folder: string,
  { database }: Manifest,
  meter: ProgressMeter,
): Promise<void> {
  const shapes = await readTables(
    client,
    database.schemas.map(({ name }) => name),
  )
  const weightOf = (parts: readonly { bytes: number }[]) => parts.reduce((sum, { bytes }) => sum + bytes, 0)
  meter.expect(
    'database',
    database.tables.reduce((sum, { parts }) => sum + weightOf(parts), 0),
  )
  await client.query('begin')
  // What migrations put in by themselves comes with the backup.
  await client.query(`truncate ${shapes.map(qualified).join(', ')}`)
  for (const table of database.tables) {
    const shape = shapes.find(({ schema, name }) => schema === table.schema && name === table.name)
    if (shape === undefined) throw new BackupError(`There is no table ${table.schema}.${table.name} to load`)
    const ended = meter.table(`${table.schema}.${table.name}`, weightOf(table.parts))
    await withoutGuards(client, shape, async () => {
      const columns = table.columns.map(pg.escapeIdentifier).join(', ')
      const copy = client.query(copyFrom(`copy ${qualified(table)} (${columns}) from stdin`))
      await pipeline(Readable.from(readParts(folder, table.parts)), copy)
      if (copy.rowCount !== table.rows)
        throw new BackupError(
          `${table.schema}.${table.name} took ${copy.rowCount} rows, the backup has ${table.rows}`,
        )
    })
    ended(table.rows)
  }
  for (const { schema, name, lastValue, isCalled } of database.sequences)
    await client.query('select setval($1::regclass, $2::bigint, $3)', [
      qualified({ schema, name }),
      lastValue,
      isCalled,
    ])
  await beginNewHistory(client)
  await client.query(`drop schema ${unfinishedSchema}`)
  const verdict = await client.query('commit')
  if (verdict.command !== 'COMMIT') throw new BackupError('the database rolled the restore back')
  await client.query('analyze')
}

/** COPY does not go through row-level security, and triggers have done their work where the rows come from. */
async function withoutGuards(client: pg.Client, shape: TableShape, work: () => Promise<void>): Promise<void> {
  const table = qualified(shape)
  if (shape.forcesRowSecurity) await client.query(`alter table ${table} no force row level security`)
  if (shape.hasTriggers) await client.query(`alter table ${table} disable trigger user`)
  await work()
  if (shape.hasTriggers) await client.query(`alter table ${table} enable trigger user`)
  if (shape.forcesRowSecurity) await client.query(`alter table ${table} force row level security`)
}

/**
 * Makes the outbox see tables of another cluster, also where it is the same one: transaction ids of the line of
 * history that ends here are given up, and cursors that devices hold are answered in full.
 */
async function beginNewHistory(client: pg.Client): Promise<void> {
  await client.query(`update outbox.history set system_identifier = 'restored'`)
}
