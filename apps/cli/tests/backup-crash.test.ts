import { type ChildProcess, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startServer } from '@parley/app-server'
import { Scope, silentLogger } from '@parley/core/kernel'
import { FileSystemObjectStore } from '@parley/core/objects'
import { MasterKey } from '@parley/core/secrets'
import { readConnectionFile, startEmbeddedPostgres } from '@parley/core/store'
import { build } from 'esbuild'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findRepository } from '../src/repository.ts'

const root = findRepository() ?? ''
const program = join(root, '.cache', `parley-${process.pid}.mjs`)
const objectCount = 60
const ballastRows = 150_000
const projectId = 'proj_crash'

let scratch: string
let source: string
let folder: string

beforeAll(async () => {
  mkdirSync(join(root, '.cache'), { recursive: true })
  scratch = mkdtempSync(join(tmpdir(), 'parley-crash-'))
  source = join(scratch, 'source')
  folder = join(scratch, 'backup')
  const text = `import { main } from './apps/cli/src/main.ts'
    process.exitCode = await main(process.argv.slice(2), process)`
  await build({
    stdin: { contents: text, resolveDir: root, loader: 'ts' },
    ...{
      outfile: program,
      bundle: true,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      logLevel: 'error',
    },
    ...{ conditions: ['parley-source'], loader: { '.sql': 'text' }, plugins: [packagesStayOutside] },
  })
  const server = await start(source)
  await fill()
  await server.close()
}, 120_000)
afterAll(() => {
  rmSync(program, { force: true })
  rmSync(scratch, { recursive: true, force: true })
})

const packagesStayOutside = {
  name: 'packages-stay-outside',
  setup(bundler: import('esbuild').PluginBuild) {
    bundler.onResolve({ filter: /^[^./#]/ }, ({ path }) =>
      path.startsWith('@parley/') ? undefined : { path, external: true },
    )
  },
}

const start = (dataDir: string) =>
  startServer({
    env: {
      ...{
        PARLEY_DATA_DIR: dataDir,
        PARLEY_HOST: '127.0.0.1',
        PARLEY_DEMO: 'false',
        PARLEY_RTC_WORKERS: '1',
      },
      ...{ PARLEY_PORT: '0', PARLEY_CONTENT_PORT: '0', PARLEY_MEDIA_PORT: '0' },
    },
    logger: silentLogger,
  })

/** Rows and objects enough that a process can be killed among them. */
async function fill(): Promise<void> {
  const client = new pg.Client({ connectionString: readConnectionFile(source)?.url })
  await client.connect()
  await client.query(`set parley.project_id = '*'`)
  await client.query(
    `insert into telemetry.points (project_id, subject, name, at, data)
      select $1, 'subject ' || n, 'ballast', now(), jsonb_build_object('text', repeat(md5(n::text), 8))
      from generate_series(1, $2::int) n`,
    [projectId, ballastRows],
  )
  const store = new FileSystemObjectStore({ folder: join(source, 'objects'), minFreeBytes: 0 })
  for (let number = 0; number < objectCount; number++) {
    const bytes = randomBytes(1_000_000 + number)
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    await store.put(
      `${projectId}/obj_${number}`,
      (async function* () {
        yield bytes
      })(),
      { sizeBytes: bytes.length, sha256 },
    )
    await client.query(
      `insert into objects.objects (project_id, id, name, content_type, size_bytes, sha256, state, stored_at)
        values ($1, $2, 'x', 'application/octet-stream', $3, $4, 'stored', now())`,
      [projectId, `obj_${number}`, bytes.length, sha256],
    )
  }
  await client.end()
}

interface Run {
  child: ChildProcess
  ended: Promise<{ code: number | null; output: string }>
}

function parley(...args: string[]): Run {
  const child = spawn(process.execPath, [program, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH ?? '' },
  })
  let output = ''
  child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()))
  return { child, ended: new Promise((resolve) => child.once('close', (code) => resolve({ code, output }))) }
}

/** Kills the process once `holds`; answers whether it was still at work. */
async function killWhen({ child, ended }: Run, holds: () => boolean): Promise<boolean> {
  while (child.exitCode === null && !holds()) await new Promise((resolve) => setTimeout(resolve, 1))
  const working = child.exitCode === null
  child.kill('SIGKILL')
  await ended
  return working
}

function filesBelow(path: string): string[] {
  if (!existsSync(path)) return []
  return readdirSync(path, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}

test('a backup that is killed among the rows, then among the objects, is finished by the same command', async () => {
  const command = () => parley('backup', folder, '--with-master-key', '--data-dir', source)
  const databaseFiles = () => filesBelow(join(folder, 'database'))
  const objectFiles = () => filesBelow(join(folder, 'objects'))
  const unfinished = () => readFileSync(join(folder, 'unfinished.json'), 'utf8')

  expect(await killWhen(command(), () => databaseFiles().length > 3)).toBe(true)
  expect(unfinished()).not.toContain('snapshotAt')
  expect(existsSync(join(folder, 'manifest.json'))).toBe(false)

  expect(await killWhen(command(), () => objectFiles().length > 5)).toBe(true)
  expect(unfinished()).toContain('snapshotAt')
  expect(existsSync(join(folder, 'manifest.json'))).toBe(false)
  const early = parley('restore', folder, '--data-dir', join(scratch, 'early'))
  expect(await early.ended).toMatchObject({ code: 1, output: expect.stringContaining('no finished backup') })
  const kept = unfinished()

  expect(await command().ended).toMatchObject({ code: 0 })
  const { id, database, objects } = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'))
  expect({ id, snapshotAt: database.snapshotAt }).toEqual({
    id: JSON.parse(kept).id,
    snapshotAt: JSON.parse(kept).database.snapshotAt,
  })
  expect(objects).toMatchObject({ count: objectCount, missing: 0 })
  expect(objectFiles().filter((path) => /\/[0-9a-f]{64}$/.test(path))).toHaveLength(objectCount)
}, 120_000)

test('a restore that is killed leaves nothing that a server would live on, and is finished by the same command', async () => {
  const target = join(scratch, 'target')
  const command = () => parley('restore', folder, '--data-dir', target)
  const stored = () => filesBelow(join(target, 'objects/stored'))

  expect(await killWhen(command(), () => stored().length > 5)).toBe(true)
  await expect(start(target)).rejects.toThrow('Run parley restore again')

  // Past the objects: among the rows.
  const all = () => stored().length === objectCount
  expect(await killWhen(command(), all)).toBe(true)
  await expect(start(target)).rejects.toThrow('Run parley restore again')

  expect(await command().ended).toMatchObject({ code: 0 })
  const server = await start(target)
  try {
    expect(await totals(readConnectionFile(target)?.url ?? '')).toEqual({
      points: ballastRows,
      objects: objectCount,
    })
    const { keyId, keySecret } = JSON.parse(readFileSync(join(source, 'dev.json'), 'utf8'))
    const authorization = `Basic ${Buffer.from(`${keyId}:${keySecret}`).toString('base64')}`
    const answer = await fetch(new URL('/v1/project', server.url), { headers: { authorization } })
    expect(answer.status).toBe(200)
  } finally {
    await server.close()
  }
  for (const path of stored()) {
    const hash = createHash('sha256').update(readFileSync(path)).digest('hex')
    expect(sourceHashes()).toContain(hash)
  }
}, 120_000)

let hashes: Set<string> | undefined
function sourceHashes(): Set<string> {
  hashes ??= new Set(
    filesBelow(join(source, 'objects/stored')).map((path) =>
      createHash('sha256').update(readFileSync(path)).digest('hex'),
    ),
  )
  return hashes
}

async function totals(url: string): Promise<{ points: number; objects: number } | undefined> {
  const [row] = await query<{ points: number; objects: number }>(
    url,
    `select (select count(*)::int from telemetry.points where name = 'ballast') as points,
      (select count(*)::int from objects.objects) as objects`,
  )
  return row
}

test('a rotation of the master key that is killed loses no secret, and is finished by the same command', async () => {
  const values = 6_000
  const scope = new Scope('fill', silentLogger)
  const { url } = await startEmbeddedPostgres({ dataDir: source, logger: silentLogger, scope })
  const old = MasterKey.load({ dataDir: source })
  const sealed = Array.from({ length: values }, (_, n) => old.seal(`secret ${n}`, `api-key/key_${n}`))
  await query(
    url,
    `insert into identity.keys (project_id, key_id, sealed_secret)
      select (select project_id from identity.projects limit 1), 'key_' || n - 1, sealed
      from unnest($1::bytea[]) with ordinality as given (sealed, n)`,
    [sealed],
  )
  const oldKey = old.export()
  const { child, ended } = parley('keys', 'rotate-master', '--data-dir', source)
  let noted = false
  child.stderr?.on('data', (chunk: Buffer) => {
    noted ||= /,\d{3} values/.test(chunk.toString())
  })
  expect(await killWhen({ child, ended }, () => noted)).toBe(true)
  const heads = () =>
    query(url, `select distinct encode(substring(sealed_secret from 1 for 7), 'hex') from identity.keys`)
  expect(await heads()).toHaveLength(2)
  expect(await openAll(url)).toBe(values)

  const again = await parley('keys', 'rotate-master', '--data-dir', source).ended
  expect(again).toMatchObject({ code: 0, output: expect.stringContaining('The old key is gone') })
  expect(await heads()).toHaveLength(1)
  expect(readFileSync(join(source, 'master.key'), 'utf8')).not.toContain(oldKey)
  expect(await openAll(url)).toBe(values)
  await scope.close()
}, 120_000)

/** How many of the sealed secrets are what they were. */
async function openAll(url: string): Promise<number> {
  const masterKey = MasterKey.load({ dataDir: source })
  const rows = await query<{ key_id: string; sealed_secret: Buffer }>(
    url,
    `select key_id, sealed_secret from identity.keys where key_id ~ '^key_[0-9]+$'`,
  )
  return rows.filter(
    ({ key_id, sealed_secret }) =>
      masterKey.open(sealed_secret, `api-key/${key_id}`).toString() === key_id.replace('key_', 'secret '),
  ).length
}

async function query<Row extends pg.QueryResultRow>(
  url: string,
  text: string,
  values: unknown[] = [],
): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(`set parley.project_id = '*'`)
  const { rows } = await client.query<Row>(text, values)
  await client.end()
  return rows
}

test('the database of a stopped installation is started for the command and stopped after it', async () => {
  const scope = new Scope('look', silentLogger)
  const { url } = await startEmbeddedPostgres({ dataDir: source, logger: silentLogger, scope })
  expect((await totals(url))?.points).toBe(ballastRows)
  await scope.close()
})
