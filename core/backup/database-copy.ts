import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { to as copyTo } from 'pg-copy-streams'
import { BackupError } from './backup-error.ts'
import { ownSchemas, qualified, readExtensions, readSequences, readSteps, readTables } from './catalogue.ts'
import type { CopiedDatabase, CopiedTable, ObjectIndex } from './manifest.ts'
import { writeParts } from './parts.ts'
import type { ProgressMeter } from './progress-meter.ts'

const folderName = 'database'

/**
 * Copies all our schemas as of one snapshot, while others read and write. Answers what was copied, and the index of
 * the objects that the rows of the same snapshot name.
 */
export async function copyDatabase(
  client: pg.Client,
  folder: string,
  meter: ProgressMeter,
): Promise<{ database: CopiedDatabase; objects: ObjectIndex }> {
  await rm(join(folder, folderName), { recursive: true, force: true })
  await client.query('begin isolation level repeatable read read only')
  const schemas = await ownSchemas(client)
  if (schemas.length === 0) throw new BackupError('The database holds no Parley: there is nothing to back up')
  const tables = await readTables(client, schemas)
  // No migration may change a table between here and its copy.
  await client.query(`lock table ${tables.map(qualified).join(', ')} in access share mode`)
  const objects = await copyObjectIndex(client, folder)
  meter.expect(
    'database',
    tables.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  )
  meter.expect('objects', objects.bytes)
  const copied: CopiedTable[] = []
  for (const { schema, name, columns, sizeBytes } of tables) {
    const ended = meter.table(`${schema}.${name}`, sizeBytes)
    const list = columns.map(pg.escapeIdentifier).join(', ')
    const stream = client.query(copyTo(`copy (select ${list} from ${qualified({ schema, name })}) to stdout`))
    const parts = await writeParts(stream, folder, `${folderName}/${schema}.${name}`, (bytes) =>
      meter.read(bytes),
    )
    copied.push({ schema, name, columns, rows: stream.rowCount, parts })
    ended(stream.rowCount)
  }
  const facts = await client.query<{ at: string; version: string }>(
    `select to_char(now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at,
      current_setting('server_version') as version`,
  )
  const database: CopiedDatabase = {
    snapshotAt: facts.rows[0]?.at ?? '',
    serverVersion: facts.rows[0]?.version ?? '',
    schemas: await readSteps(client, schemas),
    extensions: await readExtensions(client),
    tables: copied,
    sequences: await readSequences(client, schemas),
  }
  await client.query('commit')
  return { database, objects }
}

/** One line an object, JSON in hex: its key in the object store, size and SHA-256. */
async function copyObjectIndex(client: pg.Client, folder: string): Promise<ObjectIndex> {
  const totals = await client.query<{ count: number; bytes: number }>(
    `select count(*)::float8 as count, coalesce(sum(size_bytes), 0)::float8 as bytes
      from objects.objects where state = 'stored'`,
  )
  const { count = 0, bytes = 0 } = totals.rows[0] ?? {}
  // As hex, because COPY would escape what JSON escapes already.
  const stream = client.query(
    copyTo(
      `copy (select encode(convert_to(json_build_array(project_id || '/' || id, size_bytes, sha256)::text, 'UTF8'), 'hex')
        from objects.objects where state = 'stored' order by project_id, id) to stdout`,
    ),
  )
  const [part] = await writeParts(orEmptyLine(stream), folder, `${folderName}/objects-index`)
  if (part === undefined) throw new BackupError('the index of the objects could not be written')
  return { part, count, bytes }
}

/** So that there is a part also where there is no object. */
async function* orEmptyLine(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield Buffer.from('\n')
  yield* source
}
