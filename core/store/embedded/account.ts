import { execFile } from 'node:child_process'
import { statSync } from 'node:fs'
import { EmbeddedPostgresError } from './embedded-postgres-error.ts'

/**
 * As whom PostgreSQL runs; it refuses root. `namespace` is our own root seen as an ordinary user from inside a
 * user namespace, so that files stay ours even under a 0700 home; `user` is another account of the machine.
 */
export type Account =
  | { kind: 'self' }
  | { kind: 'namespace'; unshare: readonly string[] }
  | { kind: 'user'; name: string; uid: number; gid: number }

/** A program and its arguments as `account` starts them. */
export interface Command {
  file: string
  args: string[]
  uid?: number
  gid?: number
}

const unprivilegedNames = ['postgres', 'nobody']

/** Where no account is known by name, as in the barest of containers. */
const anyUnprivilegedId = 65_534

/**
 * Ways into a namespace. initdb wants a user that has a name, so we appear as one of the machine's own. util-linux
 * before 2.36 cannot map a chosen user; an unmapped one is not root either.
 */
function namespaceFlags(id: number): string[][] {
  return [['--user', `--map-user=${id}`, `--map-group=${id}`], ['--user']]
}

export function commandAs(account: Account, file: string, args: readonly string[]): Command {
  if (account.kind === 'self') return { file, args: [...args] }
  if (account.kind === 'namespace') return { file: 'unshare', args: [...account.unshare, file, ...args] }
  return { file, args: [...args], uid: account.uid, gid: account.gid }
}

/**
 * Picks the account. A cluster that exists decides by its owner, as PostgreSQL serves only its own files.
 * Throws an EmbeddedPostgresError where no account fits.
 */
export async function chooseAccount(clusterDirectory: string): Promise<Account> {
  const me = process.getuid?.() ?? 0
  const owner = ownerOf(clusterDirectory)
  if (me !== 0) {
    if (owner !== undefined && owner.uid !== me)
      throw new EmbeddedPostgresError(
        `${clusterDirectory} belongs to user id ${owner.uid}, and Parley runs as ${me}. ` +
          `Start Parley as that user, or give the folder to this one (chown -R).`,
      )
    return { kind: 'self' }
  }
  if (owner !== undefined && owner.uid !== 0)
    return { kind: 'user', name: String(owner.uid), uid: owner.uid, gid: owner.gid }
  const namespace = await namespaceAccount()
  if (namespace) return namespace
  if (owner === undefined) {
    const user = await unprivilegedAccount()
    if (user) return user
  }
  throw new EmbeddedPostgresError(
    'PostgreSQL refuses to run as root, and this machine allows neither user namespaces nor has it an ' +
      `unprivileged user (${unprivilegedNames.join(', ')}) that could run it. ` +
      'Start Parley as an ordinary user, or set PARLEY_DATABASE_URL to a PostgreSQL server.',
  )
}

function ownerOf(path: string): { uid: number; gid: number } | undefined {
  const found = statSync(path, { throwIfNoEntry: false })
  return found && { uid: found.uid, gid: found.gid }
}

async function namespaceAccount(): Promise<Account | undefined> {
  if (process.platform !== 'linux') return undefined
  const known = await unprivilegedAccount()
  const id = known?.kind === 'user' ? known.uid : anyUnprivilegedId
  for (const unshare of namespaceFlags(id)) {
    const account: Account = { kind: 'namespace', unshare }
    if (await succeeds(commandAs(account, 'true', []))) return account
  }
  return undefined
}

/** The first ordinary account of the machine that may be used instead of root. */
export async function unprivilegedAccount(): Promise<Account | undefined> {
  for (const name of unprivilegedNames) {
    const uid = await numericId('-u', name)
    const gid = await numericId('-g', name)
    if (uid && gid) return { kind: 'user', name, uid, gid }
  }
  return undefined
}

function numericId(flag: '-u' | '-g', name: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    execFile('id', [flag, name], (error, stdout) => resolve(error ? undefined : Number(stdout.trim())))
  })
}

export interface CommandResult {
  code: number | string | null
  output: string
}

/** Runs a short command to its end; both output streams together. Never throws. */
export function run(
  command: Command,
  options: { cwd?: string; timeoutMs?: number } = {},
): Promise<CommandResult> {
  const { file, args, uid, gid } = command
  return new Promise((resolve) => {
    execFile(
      file,
      args,
      {
        cwd: options.cwd ?? '/',
        timeout: options.timeoutMs ?? 120_000,
        killSignal: 'SIGKILL',
        env: { PATH: process.env.PATH ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
        ...(uid !== undefined && { uid }),
        ...(gid !== undefined && { gid }),
      },
      (error, stdout, stderr) => {
        const code = error ? (error.code ?? error.signal ?? 'failed') : 0
        resolve({ code, output: `${stdout}${stderr}`.trim() })
      },
    )
  })
}

export async function succeeds(command: Command): Promise<boolean> {
  return (await run(command)).code === 0
}
