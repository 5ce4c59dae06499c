import { createHash } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Account, commandAs, succeeds } from './account.ts'
import { EmbeddedPostgresError } from './embedded-postgres-error.ts'

/** `sun_path` holds 108 bytes with its terminator on Linux and 104 on macOS. */
const maxSocketPathBytes = process.platform === 'linux' ? 107 : 103
const longestSocketName = '/claim.0123456789ab'.length

export interface Places {
  /** What is ours: credentials, log, lock. */
  own: string
  /** Where the cluster and copied programs are; equals `own` unless another account must reach it. */
  home: string
  cluster: string
  sockets: string
}

/** `$dataDir/postgres`, made when missing, readable by us only. */
export function ownFolder(dataDir: string): string {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const own = join(realpathSync(dataDir), 'postgres')
  mkdirSync(own, { recursive: true, mode: 0o700 })
  return own
}

/** A folder for sockets: inside `own`, or a private one with a short name when `own` lies too deep. */
export function socketFolder(own: string): string {
  const inside = join(own, 'run')
  if (Buffer.byteLength(inside) + longestSocketName <= maxSocketPathBytes) {
    mkdirSync(inside, { recursive: true, mode: 0o700 })
    return inside
  }
  const name = createHash('sha256').update(own).digest('hex').slice(0, 16)
  const short = join(tmpdir(), `parley-${process.getuid?.() ?? 0}-${name}`)
  mkdirSync(short, { recursive: true, mode: 0o700 })
  const found = lstatSync(short)
  if (!found.isDirectory() || found.uid !== process.getuid?.() || (found.mode & 0o077) !== 0)
    throw new EmbeddedPostgresError(
      `${short} is not a private folder of this user, and the path of ${own} is too long for a socket. ` +
        'Remove it, or choose a shorter PARLEY_DATA_DIR.',
    )
  return short
}

/** Where the cluster is from an earlier start, or is to be. */
export function clusterHome(own: string): string {
  try {
    return readFileSync(join(own, 'location'), 'utf8').trim()
  } catch {
    return own
  }
}

/** Makes all folders fit for the account that runs the server. */
export async function arrange(own: string, account: Account): Promise<Places> {
  const known = clusterHome(own)
  if (account.kind !== 'user')
    return { own, home: known, cluster: join(known, 'data'), sockets: socketFolder(own) }
  const home = (await canEnter(account, known)) ? known : elsewhere(own)
  const sockets = join(home, 'run')
  for (const folder of [home, sockets]) {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    chownSync(folder, account.uid, account.gid)
    chmodSync(folder, 0o700)
  }
  if (!(await canEnter(account, home))) {
    throw new EmbeddedPostgresError(
      `The account ${account.name}, which has to run PostgreSQL instead of root, reaches neither ${known} nor ` +
        `${home}. Start Parley as an ordinary user, or set PARLEY_DATABASE_URL to a PostgreSQL server.`,
    )
  }
  return { own, home, cluster: join(home, 'data'), sockets }
}

function elsewhere(own: string): string {
  const name = createHash('sha256').update(own).digest('hex').slice(0, 16)
  const home = join('/var/lib/parley', name)
  mkdirSync('/var/lib/parley', { recursive: true, mode: 0o755 })
  writeFileSync(join(own, 'location'), `${home}\n`, { mode: 0o600 })
  return home
}

/** Whether the account gets to the folder; the folder itself may still be made its own. */
async function canEnter(account: Account, folder: string): Promise<boolean> {
  const probe = join(folder, '..', `.reach-${process.pid}`)
  try {
    writeFileSync(probe, '', { mode: 0o644 })
    return await succeeds(commandAs(account, '/bin/sh', ['-c', 'test -r "$1"', 'sh', probe]))
  } catch {
    return false
  } finally {
    rmSync(probe, { force: true })
  }
}
