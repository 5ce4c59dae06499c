/**
 * A small Parley for tests that kill it: starts the database on the folder given, says what it does in lines of
 * JSON, and writes rows, each said only after its commit, until it is ended. `idle` as second argument: no rows.
 */
import { Scope, silentLogger } from '@parley/core/kernel'
import { openDatabase } from '../open-database.ts'
import { startEmbeddedPostgres } from './embedded-postgres.ts'

const say = (line: unknown) => process.stdout.write(`${JSON.stringify(line)}\n`)

const scope = new Scope('subject', silentLogger)
process.once('SIGTERM', () => void scope.close())
try {
  const dataDir = process.argv[2] ?? ''
  const postgres = await startEmbeddedPostgres({ dataDir, logger: silentLogger, scope })
  const database = await openDatabase({ url: postgres.url, logger: silentLogger, scope })
  await database.migrate({
    schema: 'sample',
    steps: [{ id: '0001-row', sql: 'create table sample.row (id bigint primary key)' }],
  })
  const { rows } = await database.system.query<{ id: number }>({
    text: 'select id from sample.row order by id',
  })
  say({ ready: true, pid: postgres.pid, found: rows.map((row) => row.id) })
  const next = (rows.at(-1)?.id ?? 0) + 1
  for (let id = next; !scope.closed && process.argv[3] !== 'idle'; id++) {
    await database.system.query({ text: 'insert into sample.row values ($1)', values: [id] })
    say({ acked: id })
  }
} catch (error) {
  say({ failed: error instanceof Error ? `${error.name}: ${error.message}` : String(error) })
  await scope.close()
}
