import { randomBytes } from 'node:crypto'
import { chownSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { z } from 'zod'
import { type Account, commandAs, run } from './account.ts'
import type { Binaries } from './binaries.ts'
import { EmbeddedPostgresError } from './embedded-postgres-error.ts'
import type { Places } from './places.ts'

/** Passwords of the two login roles: `postgres` keeps the server, `parley` owns the database. */
const credentialsFile = z.object({ superuser: z.string(), owner: z.string() })
export type Credentials = z.output<typeof credentialsFile>

export function readCredentials(own: string): Credentials {
  const path = join(own, 'credentials.json')
  if (existsSync(path)) return credentialsFile.parse(JSON.parse(readFileSync(path, 'utf8')))
  const made = { superuser: newPassword(), owner: newPassword() }
  writeFileSync(`${path}.unfinished`, JSON.stringify(made), { mode: 0o600, flush: true })
  renameSync(`${path}.unfinished`, path)
  return made
}

function newPassword(): string {
  return randomBytes(24).toString('base64url')
}

export function connectionUrl(sockets: string, user: string, password: string, database: string): string {
  return `postgres://${user}:${password}@localhost/${database}?host=${encodeURIComponent(sockets)}`
}

/** Makes the cluster unless it is there. A start that died half way leaves nothing that counts. */
export async function makeCluster(options: {
  account: Account
  binaries: Binaries
  places: Places
  credentials: Credentials
  onStep: (step: string) => void
}): Promise<void> {
  const { account, binaries, places, credentials } = options
  if (existsSync(join(places.cluster, 'PG_VERSION'))) return checkVersion(places, binaries)
  options.onStep('Preparing the database')
  const unfinished = `${places.cluster}.unfinished`
  const passwordFile = join(places.home, 'password.unfinished')
  rmSync(unfinished, { recursive: true, force: true })
  writeFileSync(passwordFile, credentials.superuser, { mode: 0o600 })
  if (account.kind === 'user') chownSync(passwordFile, account.uid, account.gid)
  try {
    const { code, output } = await run(
      commandAs(account, binaries.initdb, [
        `--pgdata=${unfinished}`,
        '--username=postgres',
        `--pwfile=${passwordFile}`,
        '--auth=scram-sha-256',
        '--encoding=UTF8',
        '--locale=C',
        '--locale-provider=builtin',
        '--builtin-locale=C.UTF-8',
        '--data-checksums',
        '--no-instructions',
      ]),
    )
    if (code !== 0)
      throw new EmbeddedPostgresError(
        `The database could not be made in ${places.home}: ${output.split('\n').slice(-3).join(' | ')}`,
      )
    renameSync(unfinished, places.cluster)
  } finally {
    rmSync(passwordFile, { force: true })
  }
}

function checkVersion(places: Places, binaries: Binaries): void {
  const made = readFileSync(join(places.cluster, 'PG_VERSION'), 'utf8').trim()
  const present = binaries.version.split(/[.a-z]/)[0]
  if (made === present) return
  throw new EmbeddedPostgresError(
    `The database in ${places.cluster} was made by PostgreSQL ${made}, and this Parley brings ${present}. ` +
      'Start the earlier Parley and export, or move the data with pg_upgrade.',
  )
}

/** The owner role and its database, made on the first start; safe to repeat. */
export async function ensureOwner(sockets: string, credentials: Credentials): Promise<void> {
  const client = new pg.Client({
    connectionString: connectionUrl(sockets, 'postgres', credentials.superuser, 'postgres'),
  })
  client.on('error', () => undefined)
  await client.connect()
  try {
    const found = await client.query<{ role: boolean; database: boolean }>(
      `select exists (select from pg_roles where rolname = 'parley') as role,
              exists (select from pg_database where datname = 'parley') as database`,
    )
    const { role, database } = found.rows[0] ?? { role: false, database: false }
    if (!role)
      await client.query(
        `create role parley login createdb createrole password ${pg.escapeLiteral(credentials.owner)};
         grant pg_monitor to parley`,
      )
    // Errors of our statements come to us, with values in them; the log needs only those of the server itself.
    await client.query(`alter role parley set log_min_messages = 'log'`)
    if (!database) await client.query('create database parley owner parley')
  } finally {
    await client.end()
  }
}
