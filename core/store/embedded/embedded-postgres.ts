import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Closable, type Logger, type Scope, sleep } from '@parley/core/kernel'
import { z } from 'zod'
import { chooseAccount } from './account.ts'
import { prepareBinaries } from './binaries.ts'
import { connectionUrl, ensureOwner, makeCluster, readCredentials } from './cluster.ts'
import { EmbeddedPostgresError } from './embedded-postgres-error.ts'
import { lockFolder } from './folder-lock.ts'
import { arrange, clusterHome, ownFolder, type Places, socketFolder } from './places.ts'
import { Postmaster } from './postmaster.ts'
import type { Durability } from './server-settings.ts'

export interface EmbeddedPostgresOptions {
  /** The folder of the whole installation; the database lives in `postgres` below it. */
  dataDir: string
  logger: Logger
  scope: Scope
  /** Tells people what a first start is busy with. */
  onStep?: (step: string) => void
  /** `durable` unless said otherwise. */
  durability?: Durability
}

export interface EmbeddedPostgres extends Closable {
  /** Connection URL of the owner of database `parley`; holds a password. The same after each restart. */
  readonly url: string
  /** Process id of the postmaster, for tests and status pages; undefined while it is down. */
  readonly pid: number | undefined
}

const connectionFile = z.object({ url: z.string(), pid: z.number() })

/**
 * Starts the PostgreSQL server of this installation and keeps it running: when it dies it is started again and
 * recovers. Owned by `scope`. It ends with this process, however that ends.
 *
 * Throws an EmbeddedPostgresError, whose message says what to do, when it cannot run here or when another
 * Parley process uses the folder.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const scope = options.scope.child('postgres')
  try {
    return await start(options, scope)
  } catch (error) {
    await scope.close()
    throw error
  }
}

async function start(options: EmbeddedPostgresOptions, scope: Scope): Promise<EmbeddedPostgres> {
  const { dataDir, logger, onStep = () => undefined } = options
  const own = ownFolder(dataDir)
  await takeLock(own, dataDir, scope)

  const account = await chooseAccount(join(clusterHome(own), 'data'))
  const places = await arrange(own, account)
  const binaries = await prepareBinaries(account, places.home)
  const credentials = readCredentials(own)
  await makeCluster({ account, binaries, places, credentials, onStep })

  const postmaster = new Postmaster({
    account,
    binaries,
    places,
    logger,
    adminUrl: connectionUrl(places.sockets, 'postgres', credentials.superuser, 'postgres'),
    durability: options.durability ?? 'durable',
  })
  scope.own('postmaster', postmaster)
  await postmaster.start(onStep)
  await ensureOwner(places.sockets, credentials)

  const url = connectionUrl(places.sockets, 'parley', credentials.owner, 'parley')
  publish(dataDir, url, scope)
  return {
    url,
    get pid() {
      return postmasterPid(places)
    },
    close: () => scope.close(),
  }
}

async function takeLock(own: string, dataDir: string, scope: Scope): Promise<void> {
  const deadline = Date.now() + 5_000
  for (;;) {
    const attempt = await lockFolder(socketFolder(own))
    if (attempt.held) {
      scope.own('folder lock', attempt.lock)
      return
    }
    if (Date.now() > deadline)
      throw new EmbeddedPostgresError(
        `Another Parley (process ${attempt.holderPid || 'unknown'}) runs on the data folder ${dataDir}. ` +
          'Stop it first, or give this one its own PARLEY_DATA_DIR. To run several servers on one database, ' +
          'set PARLEY_DATABASE_URL of all of them to one PostgreSQL server.',
      )
    await sleep(200, scope.signal)
    scope.signal.throwIfAborted()
  }
}

/** For tools of the same installation, which connect instead of starting a second server. */
function publish(dataDir: string, url: string, scope: Scope): void {
  const path = join(dataDir, 'postgres.json')
  writeFileSync(path, `${JSON.stringify({ url, pid: process.pid })}\n`, { mode: 0o600 })
  scope.onClose('connection file', () => rmSync(path, { force: true }))
}

/** How to reach the embedded server that a running Parley has started on `dataDir`; undefined when none told. */
export function readConnectionFile(dataDir: string): { url: string; pid: number } | undefined {
  try {
    return connectionFile.parse(JSON.parse(readFileSync(join(dataDir, 'postgres.json'), 'utf8')))
  } catch {
    return undefined
  }
}

function postmasterPid(places: Places): number | undefined {
  try {
    return Number(readFileSync(join(places.cluster, 'postmaster.pid'), 'utf8').split('\n')[0])
  } catch {
    return undefined
  }
}
