// What every script needs before it can work: the right Node and the packages of the lock file. No dependencies.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))

const began = Date.now()

/** One progress line a step, with the seconds since the command was given. */
export function step(text) {
  process.stdout.write(`${`${((Date.now() - began) / 1000).toFixed(1)}s`.padStart(7)}  ${text}\n`)
}

export function fail(text) {
  process.stderr.write(`\n${text}\n`)
  process.exit(1)
}

export function run(command, args, options = {}) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options })
  if (error) fail(`${command} could not be started: ${error.message}`)
  return status ?? 1
}

function requireNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major > 20 || (major === 20 && minor >= 19)) return
  fail(`Parley needs Node 20.19 or newer; this is ${process.versions.node}. See https://nodejs.org/`)
}

/** Installs the packages of the lock file unless exactly these are there already. */
export function ensureDependencies() {
  requireNode()
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex')
  const mark = join(root, 'node_modules', '.parley-lock')
  if (existsSync(mark) && readFileSync(mark, 'utf8') === lock) return
  step('Installing packages (first start only)')
  // Not `npm ci`: it insists on the optional binaries of every other platform, which a mirror need not hold.
  const status = run('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'], {
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: process.platform === 'win32',
  })
  if (status !== 0)
    fail('npm install failed; the lines above say why. Check the network and run the command again.')
  writeFileSync(mark, lock)
}
