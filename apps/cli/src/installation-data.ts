import { readSettings, Scope, silentLogger } from '@parley/core/kernel'
import { type ObjectStore, objectSettings, openObjectStore } from '@parley/core/objects'
import {
  EmbeddedPostgresError,
  readConnectionFile,
  StoreError,
  startEmbeddedPostgres,
  storeSettings,
} from '@parley/core/store'
import pg from 'pg'
import { CliError } from './cli-error.ts'
import type { Installation } from './installation.ts'

/** Database and files of an installation, for commands that work on them without its server. */
export interface InstallationData {
  databaseUrl: string
  objects: ObjectStore
}

/**
 * Runs `work` on the data of the installation. Its database is that of PARLEY_DATABASE_URL; else the embedded one,
 * which is started for the time of the work when no server runs it.
 */
export async function withInstallationData<T>(
  installation: Installation,
  onStep: (text: string) => void,
  work: (data: InstallationData) => Promise<T>,
): Promise<T> {
  const scope = new Scope('command', silentLogger)
  try {
    const databaseUrl = await findDatabase(installation, scope, onStep)
    return await work({ databaseUrl, objects: openObjects(installation) })
  } catch (error) {
    if (error instanceof EmbeddedPostgresError || error instanceof StoreError)
      throw new CliError(error.message, { cause: error })
    throw error
  } finally {
    await scope.close()
  }
}

async function findDatabase(
  installation: Installation,
  scope: Scope,
  onStep: (text: string) => void,
): Promise<string> {
  const { databaseUrl } = readSettings(storeSettings, installation.source)
  if (databaseUrl !== undefined) {
    if (await answers(databaseUrl)) return databaseUrl
    throw new CliError('The database of PARLEY_DATABASE_URL does not answer', { hint: 'parley doctor' })
  }
  const { dataDir } = installation
  // A file of a server that was killed may be left over.
  const running = readConnectionFile(dataDir)
  if (running !== undefined && (await answers(running.url))) return running.url
  const logger = silentLogger
  return (await startEmbeddedPostgres({ dataDir, logger, scope, onStep })).url
}

function openObjects(installation: Installation): ObjectStore {
  const settings = readSettings(objectSettings, installation.source)
  return openObjectStore({ dataDir: installation.dataDir, settings })
}

/** Whether a session can be opened. */
export async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 })
  client.on('error', () => undefined)
  try {
    await client.connect()
    return true
  } catch {
    return false
  } finally {
    await client.end().catch(() => undefined)
  }
}
