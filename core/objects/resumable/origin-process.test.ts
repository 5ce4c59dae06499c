import { type ChildProcess, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { mkdir, mkdtemp, open, readFile, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { configSource, readSettings } from '@parley/core/kernel'
import { MasterKey } from '@parley/core/secrets'
import { openTestDatabase } from '@parley/testing/postgres'
import { build } from 'esbuild'
import { Upload } from 'tus-js-client'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { objectMigrations } from '../migrations/index.ts'
import { ObjectService } from '../object-service.ts'
import { openObjectStore } from '../open-object-store.ts'
import { type StrictS3, startStrictS3 } from '../s3/strict-s3.ts'
import { objectSettings } from '../settings.ts'

const mebibyte = 1_048_576
let folder: string
let program: string
let opened: Awaited<ReturnType<typeof openTestDatabase>>
let bucket: StrictS3
const children = new Set<ChildProcess>()

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'parley-origin-process-'))
  // Beside the packages that it imports.
  const cache = join(import.meta.dirname, '../../../node_modules/.cache')
  await mkdir(cache, { recursive: true })
  program = join(cache, `parley-origin-${process.pid}.mjs`)
  await build({
    entryPoints: [join(import.meta.dirname, '../test-origin/origin.subject.ts')],
    outfile: program,
    ...{ bundle: true, platform: 'node', format: 'esm', logLevel: 'error' },
    conditions: ['parley-source'],
    loader: { '.sql': 'text' },
    plugins: [
      {
        name: 'packages-stay-outside',
        setup: ({ onResolve }) =>
          onResolve({ filter: /^[^./]/ }, ({ path, kind }) =>
            kind === 'entry-point' || path.startsWith('@parley/') ? undefined : { path, external: true },
          ),
      },
    ],
  })
  opened = await openTestDatabase({ migrations: [objectMigrations] })
  bucket = await startStrictS3()
})
afterEach(() => {
  for (const child of children) child.kill('SIGKILL')
})
afterAll(async () => {
  await bucket.close()
  await opened.close()
  await rm(folder, { recursive: true, force: true })
  await rm(program, { force: true })
})

async function startOrigin(s3Url?: string) {
  const args = [program, opened.url, folder, ...(s3Url === undefined ? [] : [s3Url])]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  children.add(child)
  child.once('exit', () => children.delete(child))
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  const kill = async () => {
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }
  return { pid: child.pid ?? 0, port: Number(String(line)), kill }
}

/** The same objects, seen by this process. */
function objectsAt(port: () => number, s3Url?: string): ObjectService {
  const settings = {
    ...readSettings(objectSettings, configSource({})),
    minFreeBytes: 0,
    ...(s3Url !== undefined && { s3Url }),
  }
  return new ObjectService({
    database: opened.database,
    store: openObjectStore({ dataDir: folder, settings }),
    masterKey: new MasterKey(Buffer.alloc(32, 1)),
    contentUrl: () => `http://127.0.0.1:${port()}`,
    limits: settings,
  })
}

const announce = (objects: ObjectService, sizeBytes: number, sha256?: string) =>
  objects.createUpload(opened.database.project('proj_a'), 'proj_a', {
    ...{ name: 'film.bin', contentType: 'application/octet-stream', sizeBytes, sha256 },
  })

const atPort = (url: string, port: number) => {
  const moved = new URL(url)
  moved.port = String(port)
  return moved.href
}

const tusHeaders = (offset: number) => ({
  'tus-resumable': '1.0.0',
  'upload-offset': String(offset),
  'content-type': 'application/offset+octet-stream',
})

const offsetOf = async (url: string) => {
  const response = await fetch(url, { method: 'HEAD', headers: { 'tus-resumable': '1.0.0' } })
  expect(response.status).toBe(200)
  return Number(response.headers.get('upload-offset'))
}

describe.each(['files', 'a bucket'])('over %s', (where) => {
  const s3Url = () => (where === 'files' ? undefined : bucket.url)

  test('a server killed in the middle, again and again, has lost nothing that it told of', async () => {
    const bytes = randomBytes(64 * mebibyte)
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    let origin = await startOrigin(s3Url())
    const objects = objectsAt(() => origin.port, s3Url())
    const { id, uploadUrl } = await announce(objects, bytes.length, sha256)
    let known = 0
    for (let round = 0; round < 3; round++) {
      const url = atPort(uploadUrl, origin.port)
      const { port, pathname, search } = new URL(url)
      const sending = request({
        ...{ host: '127.0.0.1', port, method: 'PATCH', path: pathname + search, headers: tusHeaders(known) },
      })
      sending.on('error', () => undefined)
      // The last byte is held back, so that the piece is not complete when the server dies.
      sending.write(bytes.subarray(known, Math.min(bytes.length - 1, known + 24 * mebibyte)))
      await expect
        .poll(
          async () => {
            const { rows } = await opened.database.system.query<{ received_bytes: number }>({
              text: 'select received_bytes from objects.transfers where object_id = $1',
              values: [id],
            })
            return Number(rows[0]?.received_bytes ?? 0)
          },
          { timeout: 20_000 },
        )
        .toBeGreaterThan(known)
      await origin.kill()
      origin = await startOrigin(s3Url())
      const offset = await offsetOf(atPort(uploadUrl, origin.port))
      expect(offset).toBeGreaterThan(known)
      known = offset
    }
    const rest = await fetch(atPort(uploadUrl, origin.port), {
      ...{ method: 'PATCH', headers: tusHeaders(known), body: bytes.subarray(known) },
    })
    expect(rest.status).toBe(204)
    const stored = await objects.find(opened.database.project('proj_a'), id)
    expect(stored).toMatchObject({ state: 'stored', sha256 })
    const answer = await fetch(atPort(stored.url ?? '', origin.port))
    expect(Buffer.from(await answer.arrayBuffer()).equals(bytes)).toBe(true)
    await origin.kill()
  }, 90_000)
})

const sparseBytes = Number(process.env.PARLEY_TEST_SPARSE_MIB ?? 512) * mebibyte

test.runIf(process.platform === 'linux')(
  'a large sparse file goes up by tus-js-client without the server growing',
  async () => {
    const path = join(folder, 'sparse')
    const file = await open(path, 'w')
    await file.truncate(sparseBytes)
    await file.close()
    const origin = await startOrigin()
    const objects = objectsAt(() => origin.port)
    const { uploadUrl: warmUp } = await announce(objects, mebibyte)
    await fetch(warmUp, { method: 'PATCH', headers: tusHeaders(0), body: Buffer.alloc(mebibyte) })
    const before = await peakMemory(origin.pid)
    const { id, uploadUrl } = await announce(objects, sparseBytes)
    const startedAt = performance.now()
    await new Promise<void>((resolve, reject) => {
      const upload = new Upload(createReadStream(path), {
        ...{ uploadUrl, uploadSize: sparseBytes, chunkSize: 64 * mebibyte, retryDelays: [] },
        onSuccess: () => resolve(),
        onError: reject,
      })
      upload.start()
    })
    const seconds = (performance.now() - startedAt) / 1000
    const grown = (await peakMemory(origin.pid)) - before
    console.log(
      `${sparseBytes / mebibyte} MiB in ${seconds.toFixed(1)} s, peak memory grew by ${(grown / mebibyte).toFixed(0)} MiB`,
    )
    expect((await objects.find(opened.database.project('proj_a'), id)).state).toBe('stored')
    expect(grown).toBeLessThan(192 * mebibyte)
    await origin.kill()
  },
  900_000,
)

/** The most memory that the process ever held. */
async function peakMemory(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) * 1024
}
