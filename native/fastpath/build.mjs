import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const self = fileURLToPath(import.meta.url)
const require = createRequire(import.meta.url)

// Bundled into a program, this module is elsewhere than its sources: then the workspace knows where they are.
const here = existsSync(path.join(path.dirname(self), 'binding.gyp'))
  ? path.dirname(self)
  : path.dirname(require.resolve('@parley/fastpath/package.json'))
const fastpath = { folder: here, name: 'fastpath', what: 'the native packet path' }
const staleLockMs = 10 * 60_000
const keepOldMs = 60 * 60_000

const outputOf = ({ folder }) => path.join(folder, 'build')

function sources({ folder }) {
  const found = [path.join(folder, 'binding.gyp')]
  const walk = (inside) => {
    for (const entry of readdirSync(inside, { withFileTypes: true })) {
      const full = path.join(inside, entry.name)
      if (entry.isDirectory()) walk(full)
      else if (/\.(cc|h)$/.test(entry.name)) found.push(full)
    }
  }
  walk(path.join(folder, 'src'))
  return found.sort()
}

function contentHash(addon) {
  const hash = createHash('sha256')
  hash.update(`${process.version} ${process.platform} ${process.arch} ${process.versions.modules}\n`)
  for (const file of sources(addon)) {
    hash.update(path.relative(addon.folder, file))
    hash.update(readFileSync(file))
  }
  return hash.digest('hex').slice(0, 16)
}

function works(command) {
  const found = spawnSync(command, ['--version'], { stdio: 'ignore' })
  return !found.error && found.status === 0
}

function missingTool(what) {
  if (process.platform !== 'linux') {
    return {
      unavailable: `${what} needs Linux (epoll, recvmmsg), this is ${process.platform}`,
      mend: 'run the server in a Linux container or machine',
    }
  }
  const compilers = process.env.CXX ? [process.env.CXX] : ['c++', 'g++', 'clang++']
  if (!compilers.some(works)) {
    return { unavailable: 'no C++ compiler was found', mend: 'apt-get install -y g++ make python3' }
  }
  if (!works('make')) return { unavailable: 'make was not found', mend: 'apt-get install -y make' }
  if (!works(process.env.PYTHON ?? 'python3')) {
    return { unavailable: 'python3 was not found (node-gyp needs it)', mend: 'apt-get install -y python3' }
  }
  return undefined
}

function alive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

/** A lock folder holding the owner's pid: mkdir is atomic between processes. */
async function withLock(lock, work) {
  for (;;) {
    try {
      mkdirSync(lock)
      break
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
    }
    try {
      const age = Date.now() - statSync(lock).mtimeMs
      const owner = Number(readFileSync(path.join(lock, 'pid'), 'utf8'))
      if (age > staleLockMs || !alive(owner)) rmSync(lock, { recursive: true, force: true })
    } catch {
      // The owner is just taking or releasing it.
    }
    await sleep(100)
  }
  try {
    writeFileSync(path.join(lock, 'pid'), String(process.pid))
    return await work()
  } finally {
    rmSync(lock, { recursive: true, force: true })
  }
}

function run(command, args, options) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
    let text = ''
    child.stdout.on('data', (chunk) => {
      text += chunk
    })
    child.stderr.on('data', (chunk) => {
      text += chunk
    })
    child.on('error', (error) => resolve({ code: -1, text: String(error) }))
    child.on('close', (code) => resolve({ code, text }))
  })
}

async function compile(addon, hash, target, log) {
  const { folder, name, what } = addon
  const scratch = path.join(outputOf(addon), `work-${hash}-${process.pid}`)
  rmSync(scratch, { recursive: true, force: true })
  mkdirSync(scratch, { recursive: true })
  try {
    cpSync(path.join(folder, 'binding.gyp'), path.join(scratch, 'binding.gyp'))
    cpSync(path.join(folder, 'src'), path.join(scratch, 'src'), { recursive: true })
    const gyp = require.resolve('node-gyp/bin/node-gyp.js')
    const beside = path.resolve(process.execPath, '../..')
    const headers = existsSync(path.join(beside, 'include/node/node_api.h')) ? [`--nodedir=${beside}`] : []
    const started = Date.now()
    log(`${name}: compiling ${what}`)
    const built = await run(process.execPath, [gyp, 'rebuild', '--jobs', '4', ...headers], { cwd: scratch })
    if (built.code !== 0) {
      const told = built.text.split('\n').filter((line) => /error|ERR!/i.test(line))
      return {
        unavailable: `the compiler failed: ${told.slice(0, 5).join(' | ') || built.text.slice(-400)}`,
        mend: 'apt-get install -y g++ make python3, then the same again',
      }
    }
    renameSync(path.join(scratch, `build/Release/${name}.node`), target)
    pruneOld(addon, target)
    log(`${name}: compiled in ${((Date.now() - started) / 1000).toFixed(1)} s`)
    return { path: target }
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

/** Addons of earlier sources; those of the last hour may still be wanted by a running program. */
function pruneOld(addon, current) {
  const output = outputOf(addon)
  for (const entry of readdirSync(output)) {
    const file = path.join(output, entry)
    if (
      entry.startsWith(`${addon.name}-`) &&
      entry.endsWith('.node') &&
      file !== current &&
      Date.now() - statSync(file).mtimeMs > keepOldMs
    ) {
      rmSync(file, { force: true })
    }
  }
}

const running = new Map()

export function ensureFastpath(options) {
  return ensureAddon(fastpath, options)
}

export function ensureAddon(addon, { log = () => {} } = {}) {
  const { folder } = addon
  const already = running.get(folder)
  if (already !== undefined) return already
  const building = build(addon, log).finally(() => running.delete(folder))
  running.set(folder, building)
  return building
}

async function build(addon, log) {
  const output = outputOf(addon)
  const hash = contentHash(addon)
  const target = path.join(output, `${addon.name}-${hash}.node`)
  if (existsSync(target)) return { path: target }
  const missing = missingTool(addon.what)
  if (missing) return missing
  mkdirSync(output, { recursive: true })
  return withLock(path.join(output, `lock-${hash}`), async () =>
    existsSync(target) ? { path: target } : compile(addon, hash, target, log),
  )
}

if (self === path.join(here, 'build.mjs') && process.argv[1] && path.resolve(process.argv[1]) === self) {
  const built = await ensureFastpath({ log: (line) => console.log(line) })
  if ('path' in built) console.log(built.path)
  else {
    console.error(`${built.unavailable}\nMend: ${built.mend}`)
    process.exitCode = 1
  }
}
