import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type ConfigSource, configSource, kernelSettings, readSettings } from '@parley/core/kernel'
import { MasterKey } from '@parley/core/secrets'
import { z } from 'zod'
import { CliError } from './cli-error.ts'

const developmentKey = z.object({
  url: z.string(),
  projectId: z.string(),
  keyId: z.string(),
  keySecret: z.string(),
})
/** What `$PARLEY_DATA_DIR/dev.json` holds. */
export type DevelopmentKey = z.infer<typeof developmentKey>

/** The installation this command speaks of: its settings, its data folder, its keys. */
export class Installation {
  readonly dataDir: string
  readonly source: ConfigSource
  readonly env: Readonly<Record<string, string | undefined>>
  readonly settings: ReturnType<typeof readSettings<typeof kernelSettings>>

  constructor(env: Readonly<Record<string, string | undefined>>, dataDir: string | undefined) {
    this.env = dataDir === undefined ? env : { ...env, PARLEY_DATA_DIR: dataDir }
    this.source = configSource(this.env)
    this.settings = readSettings(kernelSettings, this.source)
    this.dataDir = resolve(this.settings.dataDir)
  }

  get developmentKeyPath(): string {
    return join(this.dataDir, 'dev.json')
  }

  /** Undefined when there is no dev.json; throws when it is damaged. */
  developmentKey(): DevelopmentKey | undefined {
    if (!existsSync(this.developmentKeyPath)) return undefined
    try {
      return developmentKey.parse(JSON.parse(readFileSync(this.developmentKeyPath, 'utf8')))
    } catch (cause) {
      throw new CliError(`${this.developmentKeyPath} is damaged`, {
        hint: 'Delete it and start the server: it is written again',
        cause,
      })
    }
  }

  /** Where the server answers: PARLEY_URL, dev.json, PARLEY_PUBLIC_URL, else the port on this machine. */
  url(): string {
    const { publicUrl, port } = this.settings
    return this.env.PARLEY_URL ?? this.developmentKey()?.url ?? publicUrl ?? `http://localhost:${port}`
  }

  /** `Authorization` of an API key: PARLEY_KEY_ID and PARLEY_KEY_SECRET, else that of dev.json. */
  keyCredentials(): { keyId: string; keySecret: string; fromFile: boolean } {
    const { PARLEY_KEY_ID: keyId, PARLEY_KEY_SECRET: keySecret } = this.env
    if (keyId && keySecret) return { keyId, keySecret, fromFile: false }
    const known = this.developmentKey()
    if (known) return { keyId: known.keyId, keySecret: known.keySecret, fromFile: true }
    throw new CliError(`There is no API key: ${this.developmentKeyPath} is not there`, {
      hint: 'Start the server once (npm start), or set PARLEY_KEY_ID and PARLEY_KEY_SECRET',
    })
  }

  /** The master key of this machine. Never makes one. */
  masterKey(): MasterKey {
    const base64 = this.settings.masterKey
    if (base64 === undefined && !existsSync(join(this.dataDir, 'master.key'))) {
      throw new CliError(`There is no master key in ${this.dataDir}`, {
        hint: 'Run this where the server runs, with its PARLEY_DATA_DIR or PARLEY_MASTER_KEY; or: parley init',
      })
    }
    return MasterKey.load({ dataDir: this.dataDir, base64 })
  }

  /** The operator token, derived from the master key of this machine. */
  operatorToken(): string {
    return this.masterKey().derive('operator').toString('hex')
  }
}
