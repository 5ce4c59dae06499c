import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { Scope, silentLogger } from '@parley/core/kernel'
import { newTestFolder } from '@parley/testing/postgres'
import { build } from 'esbuild'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { openDatabase } from '../open-database.ts'
import { readConnectionFile, startEmbeddedPostgres } from './embedded-postgres.ts'

const here = fileURLToPath(new URL('.', import.meta.url))
const root = fileURLToPath(new URL('../../..', import.meta.url))
const cache = join(root, 'node_modules/.cache/parley-store-test')
const program = join(cache, `subject-${process.pid}.mjs`)
const isRoot = process.getuid?.() === 0
const onLinux = process.platform === 'linux'

interface Line {
  ready?: true
  pid?: number
  found?: number[]
  acked?: number
  failed?: string
}

interface Subject {
  process: ChildProcess
  /** The next line that has `key`. */
  until<K extends keyof Line>(key: K): Promise<Required<Pick<Line, K>> & Line>
  acked: number[]
  ended: Promise<void>
}

const subjects: Subject[] = []
const folders: string[] = []

beforeAll(async () => {
  await build({
    entryPoints: [join(here, 'embedded-postgres.subject.ts')],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'esm',
    external: ['pg', 'pino'],
    conditions: ['parley-source'],
  })
})

afterEach(async () => {
  for (const subject of subjects.splice(0)) {
    subject.process.kill('SIGKILL')
    await subject.ended
  }
  for (const folder of folders.splice(0))
    rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 200 })
})

afterAll(() => rmSync(program, { force: true }))

function folder(): string {
  const made = newTestFolder()
  folders.push(made)
  return made
}

function startSubject(
  args: string[],
  options: { before?: string[]; env?: Record<string, string> } = {},
): Subject {
  const [file = 'node', ...rest] = [...(options.before ?? []), process.execPath, program, ...args]
  const child = spawn(file, rest, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...options.env },
  })
  const lines: Line[] = []
  const acked: number[] = []
  const waiters = new Set<() => void>()
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  let over = false
  void ended.then(() => {
    over = true
    for (const wake of waiters) wake()
  })
  createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (text) => {
    const line = JSON.parse(text) as Line
    if (line.acked !== undefined) acked.push(line.acked)
    lines.push(line)
    for (const wake of waiters) wake()
  })
  const subject: Subject = {
    process: child,
    acked,
    ended,
    until: async (key) => {
      for (;;) {
        const line = lines.shift()
        if (line?.[key] !== undefined) return line as never
        if (line?.failed !== undefined) throw new Error(line.failed)
        if (line) continue
        if (over) throw new Error(`the subject ended before it said ${key}`)
        await new Promise<void>((resolve) => {
          waiters.add(resolve)
        })
      }
    },
  }
  subjects.push(subject)
  return subject
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

async function eventually(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20))
}

test('a killed Parley takes its database along, and the next start finds every acknowledged row', async () => {
  const dataDir = folder()
  let acked = 0
  for (let cycle = 0; cycle < 3; cycle++) {
    const subject = startSubject([dataDir])
    const { found, pid } = await subject.until('ready')
    expect(found?.length).toBeGreaterThanOrEqual(acked)
    while ((await subject.until('acked')).acked < acked + 50) {}
    subject.process.kill('SIGKILL')
    await subject.ended
    acked = subject.acked.at(-1) ?? 0
    await eventually(() => !lives(pid ?? 0))
  }
  const last = startSubject([dataDir, 'idle'])
  const { found } = await last.until('ready')
  expect(found?.slice(0, acked)).toEqual(Array.from({ length: acked }, (_, i) => i + 1))
})

test('when the server and its watchdog are killed with us, the next start recovers', async () => {
  const dataDir = folder()
  const subject = startSubject([dataDir])
  const { pid } = await subject.until('ready')
  while ((await subject.until('acked')).acked < 100) {}
  subject.process.kill('SIGKILL')
  process.kill(pid ?? 0, 'SIGKILL')
  await subject.ended
  const acked = subject.acked.at(-1) ?? 0
  const again = startSubject([dataDir, 'idle'])
  const { found } = await again.until('ready')
  expect(found?.slice(0, acked)).toEqual(Array.from({ length: acked }, (_, i) => i + 1))
})

test('a server that has lost its watchdog is ended by the next start', async () => {
  const dataDir = folder()
  const subject = startSubject([dataDir, 'idle'])
  const { pid } = await subject.until('ready')
  const watchdogs = execFileSync('ps', ['-A', '-o', 'pid=,command='], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line.includes('parley-postgres') && line.includes(dataDir))
    .map((line) => Number.parseInt(line, 10))
  expect(watchdogs.length).toBeGreaterThan(0)
  subject.process.kill('SIGSTOP')
  for (const watchdog of watchdogs) process.kill(watchdog, 'SIGKILL')
  subject.process.kill('SIGKILL')
  await subject.ended
  expect(lives(pid ?? 0)).toBe(true)
  const again = startSubject([dataDir, 'idle'])
  expect((await again.until('ready')).pid).not.toBe(pid)
})

test('a second Parley on the same folder is told who has it and what to do', async () => {
  const dataDir = folder()
  const first = startSubject([dataDir, 'idle'])
  await first.until('ready')
  const second = startSubject([dataDir, 'idle'])
  const refusal = await second.until('failed')
  expect(refusal.failed).toContain(`Another Parley (process ${first.process.pid})`)
  expect(refusal.failed).toContain('PARLEY_DATABASE_URL')
  expect(readConnectionFile(dataDir)?.pid).toBe(first.process.pid)
})

test('the files of the database are readable by its user only', async () => {
  const dataDir = folder()
  const subject = startSubject([dataDir, 'idle'])
  await subject.until('ready')
  for (const [path, mode] of [
    ['postgres', 0o700],
    ['postgres/data', 0o700],
    ['postgres/run', 0o700],
    ['postgres/credentials.json', 0o600],
    ['postgres.json', 0o600],
  ] as const)
    expect([path, statSync(join(dataDir, path)).mode & 0o777]).toEqual([path, mode])
  subject.process.kill('SIGTERM')
  await subject.ended
  expect(existsSync(join(dataDir, 'postgres.json'))).toBe(false)
  expect(existsSync(join(dataDir, 'postgres/data/postmaster.pid'))).toBe(false)
})

test('a folder that is too deep for a socket gets its socket elsewhere', async () => {
  const dataDir = join(folder(), 'd'.repeat(60), 'e'.repeat(60))
  const subject = startSubject([dataDir, 'idle'])
  await subject.until('ready')
  const sockets = new URL(readConnectionFile(dataDir)?.url ?? '').searchParams.get('host') ?? ''
  expect(sockets.startsWith(tmpdir())).toBe(true)
  expect(statSync(sockets).mode & 0o777).toBe(0o700)
  subject.process.kill('SIGTERM')
  await subject.ended
  folders.push(sockets)
})

test('a first start that died half way is made good by the next', async () => {
  const dataDir = folder()
  mkdirSync(join(dataDir, 'postgres', 'data.unfinished', 'base'), { recursive: true })
  const subject = startSubject([dataDir, 'idle'])
  await subject.until('ready')
  expect(existsSync(join(dataDir, 'postgres', 'data.unfinished'))).toBe(false)
})

test('a database made by another PostgreSQL version is refused with the way out', async () => {
  const dataDir = folder()
  mkdirSync(join(dataDir, 'postgres', 'data'), { recursive: true })
  writeFileSync(join(dataDir, 'postgres', 'data', 'PG_VERSION'), '12\n')
  const subject = startSubject([dataDir, 'idle'])
  expect((await subject.until('failed')).failed).toContain('was made by PostgreSQL 12')
})

test.runIf(isRoot && onLinux)('root starts it under a home that nobody else may enter', async () => {
  const home = folder()
  chmodSync(home, 0o700)
  const subject = startSubject([join(home, 'data'), 'idle'])
  const { pid } = await subject.until('ready')
  expect(readFileSync(`/proc/${pid}/uid_map`, 'utf8')).not.toMatch(/^\s*0\s/)
})

const asUser = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']

/** False below root's own home, where no other user may look. */
const reachableByUsers = (): boolean =>
  isRoot && onLinux && spawnSync('setpriv', [...asUser.slice(1), 'test', '-r', here]).status === 0

test.runIf(reachableByUsers())('an ordinary user starts it', async () => {
  const dataDir = join(tmpdir(), `parley-user-${process.pid}`)
  folders.push(dataDir)
  mkdirSync(dataDir)
  chownSync(dataDir, 65534, 65534)
  const subject = startSubject([dataDir, 'idle'], { before: asUser })
  const { pid } = await subject.until('ready')
  expect(statSync(`/proc/${pid}`).uid).toBe(65534)
})

/** A machine that forbids user namespaces, as far as we can see. */
function withoutNamespaces(): Record<string, string> {
  const bin = folder()
  chmodSync(bin, 0o755)
  writeFileSync(join(bin, 'unshare'), '#!/bin/sh\nexit 1\n', { mode: 0o755 })
  return { PATH: `${bin}:${process.env.PATH}` }
}

test.runIf(isRoot && onLinux)(
  'root without namespaces uses an unprivileged account, again and again',
  async () => {
    const dataDir = join(tmpdir(), `parley-fallback-${process.pid}`)
    folders.push(dataDir)
    mkdirSync(dataDir, { mode: 0o755 })
    const env = withoutNamespaces()
    for (let start = 0; start < 2; start++) {
      const subject = startSubject([dataDir], { env })
      const { pid, found } = await subject.until('ready')
      if (start === 1) expect(found?.length).toBeGreaterThan(0)
      await subject.until('acked')
      expect(statSync(`/proc/${pid}`).uid).not.toBe(0)
      subject.process.kill('SIGTERM')
      await subject.ended
    }
    const laterWithNamespaces = startSubject([dataDir, 'idle'])
    expect((await laterWithNamespaces.until('ready')).found?.length).toBeGreaterThan(0)
  },
)

test.runIf(isRoot && onLinux)(
  'root without namespaces under a closed home goes where the account reaches',
  async () => {
    const dataDir = folder()
    const subject = startSubject([dataDir, 'idle'], { env: withoutNamespaces() })
    const { pid } = await subject.until('ready')
    expect(statSync(`/proc/${pid}`).uid).not.toBe(0)
    const location = readFileSync(join(dataDir, 'postgres', 'location'), 'utf8').trim()
    folders.push(location)
    expect(existsSync(join(location, 'data', 'PG_VERSION'))).toBe(true)
  },
)

test('when the server dies under load it is started again and nothing acknowledged is lost', async () => {
  const scope = new Scope('supervised', silentLogger)
  const postgres = await startEmbeddedPostgres({ dataDir: folder(), logger: silentLogger, scope })
  const database = await openDatabase({ url: postgres.url, logger: silentLogger, scope, poolSize: 4 })
  await database.migrate({
    schema: 'sample',
    steps: [{ id: '0001-row', sql: 'create table sample.row (id bigint primary key)' }],
  })
  const listener = await database.listener()
  const reconnected = new Promise<void>((resolve) => listener.onReconnect(resolve))

  const acked: number[] = []
  let failures = 0
  let next = 0
  let stop = false
  const write = async () => {
    while (!stop) {
      const id = next++
      try {
        await database.system.query({ text: 'insert into sample.row values ($1)', values: [id] })
        acked.push(id)
      } catch (error) {
        expect(error).toMatchObject({ code: 'unavailable', retryable: true })
        failures++
      }
    }
  }
  const writers = Array.from({ length: 12 }, write)
  for (let kill = 0; kill < 2; kill++) {
    const goal = acked.length + 200
    await eventually(() => acked.length > goal)
    process.kill(postgres.pid ?? 0, 'SIGKILL')
  }
  await reconnected
  const goal = acked.length + 200
  await eventually(() => acked.length > goal)
  stop = true
  await Promise.all(writers)
  const { rows } = await database.system.query<{ id: number }>({ text: 'select id from sample.row' })
  const stored = new Set(rows.map((row) => row.id))
  expect(acked.filter((id) => !stored.has(id))).toEqual([])
  expect(failures).toBeLessThanOrEqual(2 * 12)
  await scope.close()
})
