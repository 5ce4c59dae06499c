import { createHash, randomBytes } from 'node:crypto'
import { Scope, silentLogger, sleep } from '@parley/core/kernel'
import { type Database, type Migrations, type OpenedDatabase, openDatabase } from '@parley/core/store'
import pg from 'pg'
import { askForSharedServer, offerSharedServer, sharedServerVariable } from './shared-server.ts'

export interface TestDatabaseOptions {
  /** Applied once for a test run into a template, of which each test database is a copy. */
  migrations?: readonly Migrations[]
}

export interface TestDatabase {
  /** For openDatabase: a login without superuser rights, statements run as the application's role. */
  url: string
  /** Drops it, connections and all. */
  close(): Promise<void>
}

let ownServer: Promise<{ path: string }> | undefined

/** URL of the shared server's owner; without a global setup this process starts one of its own. */
async function serverUrl(): Promise<string> {
  const offered = process.env[sharedServerVariable]
  if (offered !== undefined) return await askForSharedServer(offered)
  ownServer ??= offerSharedServer()
  return await askForSharedServer((await ownServer).path)
}

/** A database of its own for a test file: empty, or a copy of a template with the given migrations. */
export async function createTestDatabase(options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const server = await serverUrl()
  const template = options.migrations ? await templateDatabase(server, options.migrations) : 'template1'
  const name = `test_${randomBytes(8).toString('hex')}`
  await command(server, `create database ${name} template ${template} strategy file_copy`)
  return {
    url: urlOf(server, name),
    close: () => dropDatabase(server, name),
  }
}

/** A test database, opened. `close()` closes and drops it. */
export async function openTestDatabase(
  options: TestDatabaseOptions & { poolSize?: number } = {},
): Promise<{ database: OpenedDatabase; url: string; close(): Promise<void> }> {
  const { url, close } = await createTestDatabase(options)
  const scope = new Scope('test database', silentLogger)
  const poolSize = options.poolSize ?? 8
  const database = await openDatabase({ url, logger: silentLogger, scope, poolSize })
  return {
    database,
    url,
    close: async () => {
      await scope.close()
      await close()
    },
  }
}

/** Makes the template unless another test file has. Answers its name. */
async function templateDatabase(server: string, migrations: readonly Migrations[]): Promise<string> {
  const name = `template_${createHash('sha256').update(JSON.stringify(migrations)).digest('hex').slice(0, 16)}`
  await withClient(server, async (client) => {
    await client.query('select pg_advisory_lock(hashtext($1))', [name])
    const found = await client.query('select from pg_database where datname = $1', [name])
    if (found.rowCount !== 0) return
    const unfinished = `${name}_unfinished`
    await client.query(`drop database if exists ${unfinished} with (force)`)
    await client.query(`create database ${unfinished} strategy file_copy`)
    await applyAll(urlOf(server, unfinished), migrations)
    await client.query(`alter database ${unfinished} rename to ${name}`)
  })
  return name
}

async function applyAll(url: string, migrations: readonly Migrations[]): Promise<void> {
  const scope = new Scope('template', silentLogger)
  try {
    const database: Database = await openDatabase({ url, logger: silentLogger, scope, poolSize: 1 })
    for (const one of migrations) await database.migrate(one)
  } finally {
    await scope.close()
  }
}

function urlOf(server: string, database: string): string {
  const url = new URL(server)
  url.pathname = `/${database}`
  return url.href
}

function command(server: string, sql: string): Promise<void> {
  return withClient(server, async (client) => {
    await client.query(sql)
  })
}

/** Tried again while autovacuum is at work in the database: it belongs to the server and cannot be sent away. */
async function dropDatabase(server: string, name: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await command(server, `drop database if exists ${name} with (force)`)
    } catch (error) {
      if (attempt === 20) throw error
      await sleep(100)
    }
  }
}

async function withClient(url: string, work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  try {
    await work(client)
  } finally {
    await client.end()
  }
}
