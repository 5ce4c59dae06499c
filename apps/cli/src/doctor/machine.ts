import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, statfsSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Check, fine, lacking, problem } from './finding.ts'

const gibibyte = 1024 ** 3
const leastFreeBytes = gibibyte / 4
const comfortableFreeBytes = 2 * gibibyte

export const checkNode: Check = () => {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const recent = major > 20 || (major === 20 && minor >= 19)
  if (recent) return [fine('Node', process.versions.node)]
  return [
    problem(
      'Node',
      `${process.versions.node} is too old`,
      'Install Node 20.19 or newer: https://nodejs.org/',
    ),
  ]
}

export const checkDataFolder: Check = ({ installation }) => {
  const { dataDir } = installation
  const there = firstExisting(dataDir)
  try {
    accessSync(there, constants.W_OK | constants.X_OK)
  } catch {
    return [
      problem('Data folder', `${there} is not writable`, `chown it to this user, or set PARLEY_DATA_DIR`),
    ]
  }
  const { bavail, bsize } = statfsSync(there)
  const free = bavail * bsize
  const freeText = `${(free / gibibyte).toFixed(1)} GiB free`
  if (free < leastFreeBytes) {
    return [
      problem('Data folder', `${dataDir}: ${freeText}`, 'Make room, or set PARLEY_DATA_DIR to another disk'),
    ]
  }
  if (free < comfortableFreeBytes) {
    return [lacking('Data folder', `${dataDir}: only ${freeText}`, 'Make room before it fills up')]
  }
  return [fine('Data folder', `${dataDir}${there === dataDir ? '' : ' (not made yet)'}, ${freeText}`)]
}

export const checkMasterKey: Check = ({ installation }) => {
  const path = join(installation.dataDir, 'master.key')
  if (installation.settings.masterKey !== undefined) return [fine('Master key', 'from PARLEY_MASTER_KEY')]
  if (!existsSync(path)) return [fine('Master key', 'made at the first start')]
  const mode = statSync(path).mode & 0o777
  if ((mode & 0o077) === 0) return [fine('Master key', path)]
  return [problem('Master key', `others may read ${path} (mode ${mode.toString(8)})`, `chmod 600 ${path}`)]
}

export const checkClock: Check = () => {
  const answer = spawnSync('timedatectl', ['show', '--property=NTPSynchronized', '--value'], {
    encoding: 'utf8',
  })
  const synchronised = answer.status === 0 ? answer.stdout.trim() : 'unknown'
  if (synchronised === 'yes') return [fine('Clock', 'synchronised')]
  if (synchronised === 'no') {
    return [
      lacking(
        'Clock',
        'not synchronised; tokens of other machines may look too new',
        'timedatectl set-ntp true',
      ),
    ]
  }
  return [fine('Clock', `${new Date().toISOString()} (nothing here tells whether it is synchronised)`)]
}

function firstExisting(path: string): string {
  return existsSync(path) ? path : firstExisting(dirname(path))
}
