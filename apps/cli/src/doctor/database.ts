import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readSettings } from '@parley/core/kernel'
import { chooseAccount, EmbeddedPostgresError, prepareBinaries, storeSettings } from '@parley/core/store'
import { type Check, type Finding, fine, problem } from './finding.ts'

const connectTimeoutMs = 3_000

export const checkDatabase: Check = async ({ installation }) => {
  const { databaseUrl } = readSettings(storeSettings, installation.source)
  return [
    databaseUrl === undefined ? await checkEmbedded(installation.dataDir) : await checkServer(databaseUrl),
  ]
}

/** Runs the server program as the account it would run as: all that can be wrong shows here. */
async function checkEmbedded(dataDir: string): Promise<Finding> {
  const scratch = mkdtempSync(join(tmpdir(), 'parley-doctor-'))
  try {
    const account = await chooseAccount(join(dataDir, 'postgres', 'data'))
    const { version } = await prepareBinaries(account, scratch)
    const how = {
      self: 'as this user',
      namespace: 'inside a user namespace',
      user: 'as an unprivileged user',
    }
    return fine('Database', `embedded PostgreSQL ${version}, ${how[account.kind]}`)
  } catch (error) {
    if (!(error instanceof EmbeddedPostgresError)) throw error
    return problem('Database', error.message, 'Do what the line says, or set PARLEY_DATABASE_URL')
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

async function checkServer(databaseUrl: string): Promise<Finding> {
  const mend = 'Check PARLEY_DATABASE_URL and that the database server runs'
  if (!URL.canParse(databaseUrl)) return problem('Database', 'PARLEY_DATABASE_URL is not a URL', mend)
  const { hostname, port } = new URL(databaseUrl)
  const address = `${hostname || 'localhost'}:${port || 5432}`
  const reached = await reaches(hostname || 'localhost', Number(port || 5432))
  if (!reached) return problem('Database', `nothing answers at ${address}`, mend)
  return fine('Database', `${address} takes connections`)
}

export function reaches(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: connectTimeoutMs })
    const finish = (reached: boolean) => {
      socket.destroy()
      resolve(reached)
    }
    socket.once('connect', () => finish(true))
    socket.once('timeout', () => finish(false))
    socket.once('error', () => finish(false))
  })
}
