import { randomBytes } from 'node:crypto'
import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'

/** In the data folder; base64, a key a line, the newest first. */
export const masterKeyFile = 'master.key'

export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Written aside and linked into place, so that two processes that start together agree on one key. */
export function createKeyFile(dataDir: string, key: Buffer): string {
  const path = join(dataDir, masterKeyFile)
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const aside = `${path}.${process.pid}`
  writeFileSync(aside, `${key.toString('base64')}\n`, { mode: 0o600, flush: true })
  try {
    linkSync(aside, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    unlinkSync(aside)
  }
  return readFileSync(path, 'utf8')
}

/** Puts a new key in front of the one that is there; with several, a rotation is under way and goes on with them. */
export function addNewestKey(dataDir: string): void {
  const path = join(dataDir, masterKeyFile)
  const keys = linesOf(path)
  if (keys.length > 1) return
  replace(path, [randomBytes(32).toString('base64'), ...keys])
}

/** Forgets all but the newest key: what others have sealed can then be opened by nobody. */
export function keepNewestKey(dataDir: string): void {
  const path = join(dataDir, masterKeyFile)
  replace(path, linesOf(path).slice(0, 1))
}

function linesOf(path: string): string[] {
  return readFileSync(path, 'utf8')
    .split(/[\s,]+/)
    .filter((line) => line !== '')
}

function replace(path: string, keys: readonly string[]): void {
  const aside = `${path}.new`
  writeFileSync(aside, `${keys.join('\n')}\n`, { mode: 0o600, flush: true })
  renameSync(aside, path)
  const folder = openSync(dirname(path), 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}
