import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { z } from 'zod'
import { type Account, commandAs, run } from './account.ts'
import { EmbeddedPostgresError } from './embedded-postgres-error.ts'

export interface Binaries {
  initdb: string
  postgres: string
  /** As `postgres --version` tells it: `18.4`. */
  version: string
}

const symlinkList = z.array(z.object({ source: z.string(), target: z.string() }))

/**
 * The server programs of `@embedded-postgres/<platform>`, ready to be run by `account`. Where the package
 * cannot be used in place (read-only, without its symlinks, or out of reach of the account), a copy is made
 * under `home`.
 */
export async function prepareBinaries(account: Account, home: string): Promise<Binaries> {
  const packaged = packageDirectory()
  makeSymlinks(packaged)
  const inPlace = await probe(account, packaged)
  if (inPlace.binaries) return inPlace.binaries

  const copy = join(home, `binaries-${packageVersion(packaged)}`)
  if (existsSync(copy)) {
    const before = await probe(account, copy)
    if (before.binaries) return before.binaries
    rmSync(copy, { recursive: true, force: true })
  }
  copyNative(packaged, copy)
  const copied = await probe(account, copy)
  if (copied.binaries) return copied.binaries
  throw new EmbeddedPostgresError(
    `The embedded PostgreSQL does not run on this machine: ${copied.output}. ` +
      'Set PARLEY_DATABASE_URL to a PostgreSQL server.',
  )
}

function packageDirectory(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  try {
    const entry = createRequire(import.meta.url).resolve(name)
    return dirname(dirname(entry))
  } catch (cause) {
    throw new EmbeddedPostgresError(
      `There is no embedded PostgreSQL here (npm package ${name}). Run \`npm install\` without --omit=optional, ` +
        'or set PARLEY_DATABASE_URL to a PostgreSQL server.',
      { cause },
    )
  }
}

/** Part of the name of a copy, so that an upgrade of the package brings its programs along. */
function packageVersion(directory: string): string {
  const file = z.object({ version: z.string() })
  return file.parse(JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'))).version
}

/** The links come from an install script of the package, which may not have run. */
function makeSymlinks(directory: string): void {
  const list = join(directory, 'native', 'pg-symlinks.json')
  if (!existsSync(list)) return
  for (const { source, target } of symlinkList.parse(JSON.parse(readFileSync(list, 'utf8')))) {
    const link = join(directory, target)
    if (existsSync(link)) continue
    try {
      symlinkSync(basename(source), link)
    } catch {
      // Read-only, or another process was first: running the program shows which.
    }
  }
}

async function probe(account: Account, directory: string): Promise<{ binaries?: Binaries; output: string }> {
  const bin = join(directory, 'native', 'bin')
  const postgres = join(bin, 'postgres')
  const { code, output } = await run(commandAs(account, postgres, ['--version']))
  const version = /\(PostgreSQL\) (\S+)/.exec(output)?.[1]
  if (code !== 0 || version === undefined) return { output: output || String(code) }
  return { binaries: { initdb: join(bin, 'initdb'), postgres, version }, output }
}

function copyNative(from: string, to: string): void {
  const unfinished = `${to}.unfinished`
  rmSync(unfinished, { recursive: true, force: true })
  mkdirSync(unfinished, { recursive: true, mode: 0o755 })
  cpSync(join(from, 'native'), join(unfinished, 'native'), { recursive: true, verbatimSymlinks: true })
  makeSymlinks(unfinished)
  renameSync(unfinished, to)
}
