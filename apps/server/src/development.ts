import { chmodSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Authenticator } from '@parley/core/auth'
import { ConfigError, type ConfigSource, kernelSettings, readSettings } from '@parley/core/kernel'
import type { Identity } from '@parley/identity'
import { z } from 'zod'

/** What `$PARLEY_DATA_DIR/dev.json` holds, for programs on this machine during development. */
const developmentKey = z.object({
  url: z.string(),
  projectId: z.string(),
  keyId: z.string(),
  keySecret: z.string(),
})
export type DevelopmentKey = z.infer<typeof developmentKey>

/**
 * Production starts without anything that is open in development: a demo that was asked for, or the file with the
 * development key, whose key may still be live. Throws a ConfigError that says what to do.
 */
export function refuseDevelopmentLeftovers(source: ConfigSource, dataDir: string): void {
  const demo = source.read('PARLEY_DEMO')
  if (demo !== undefined && readSettings({ demo: kernelSettings.demo }, source).demo) {
    throw new ConfigError(
      'PARLEY_DEMO: production serves no demo. Leave it out, or set PARLEY_MODE=development.',
    )
  }
  const path = join(dataDir, 'dev.json')
  if (!existsSync(path)) return
  throw new ConfigError(
    `${path} holds a development key. Revoke it (parley keys revoke) or keep it elsewhere, delete the file, start again.`,
  )
}

/**
 * The API key that development tools use: the one in dev.json when it still opens its project, else that of a new
 * project. Written again with the present address on each start (0600).
 */
export async function ensureDevelopmentKey(options: {
  dataDir: string
  url: string
  identity: Identity
  authenticator: Authenticator
}): Promise<DevelopmentKey> {
  const { dataDir, url, identity, authenticator } = options
  const path = join(dataDir, 'dev.json')
  const known = readKey(path)
  const key =
    known !== undefined && (await opens(authenticator, known))
      ? known
      : await identity.bootstrap('Development')
  const written = { url, projectId: key.projectId, keyId: key.keyId, keySecret: key.keySecret }
  writeFileSync(`${path}.new`, `${JSON.stringify(written, null, 2)}\n`, { mode: 0o600, flush: true })
  chmodSync(`${path}.new`, 0o600)
  renameSync(`${path}.new`, path)
  return written
}

function readKey(path: string): DevelopmentKey | undefined {
  try {
    return developmentKey.parse(JSON.parse(readFileSync(path, 'utf8')))
  } catch {
    return undefined // absent, half written by hand, or of another make: a new one is written
  }
}

async function opens(authenticator: Authenticator, key: DevelopmentKey): Promise<boolean> {
  try {
    const caller = await authenticator.authenticateKey(key.keyId, key.keySecret)
    return caller.projectId === key.projectId
  } catch {
    return false
  }
}
