import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { FileSystemObjectStore } from './file-system-object-store.ts'
import { objectStoreContract } from './object-store-contract.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'parley-objects-'))
})
afterEach(() => rm(folder, { recursive: true }))

const openStore = (minFreeBytes = 0) =>
  new FileSystemObjectStore({ folder: join(folder, 'objects'), minFreeBytes })

objectStoreContract('FileSystemObjectStore', async () => openStore())

async function* bytesOnce(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

const filesIn = async (path: string) =>
  (await readdir(path, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile())

test('no key leaves the folder', async () => {
  const store = openStore()
  for (const key of ['../../out', '/tmp/out', '..\\out', 'a/b/c']) {
    await store.put(key, bytesOnce(Buffer.from('x')), { sizeBytes: 1 })
  }
  const files = await filesIn(folder)
  expect(files).toHaveLength(4)
  for (const file of files) {
    expect(file.name).toMatch(/^[0-9a-f]{64}$/)
    expect(file.parentPath).toMatch(/\/objects\/stored\/[0-9a-f]{2}\/[0-9a-f]{2}$/)
  }
})

test('a failed put leaves no file behind', async () => {
  const store = openStore()
  await expect(store.put('a', bytesOnce(Buffer.alloc(3)), { sizeBytes: 2 })).rejects.toThrow()
  await expect(store.put('a', bytesOnce(Buffer.alloc(1)), { sizeBytes: 2 })).rejects.toThrow()
  expect(await filesIn(folder)).toEqual([])
})

test('a put that would leave less room than is kept free answers storage-full before it writes', async () => {
  const store = openStore(Number.MAX_SAFE_INTEGER)
  let asked = false
  async function* watched(): AsyncGenerator<Uint8Array> {
    asked = true
    yield Buffer.alloc(1)
  }
  await expect(store.put('a', watched(), { sizeBytes: 1 })).rejects.toMatchObject({ code: 'storage-full' })
  expect(asked).toBe(false)
})

test('sweep removes old leftovers and nothing else', async () => {
  const store = openStore()
  await store.put('a', bytesOnce(Buffer.from('kept')), { sizeBytes: 4 })
  await writeFile(join(folder, 'objects', 'incoming', 'leftover'), 'half')
  await store.begin('left', 10)
  await store.begin('alive', 10)
  expect(await store.sweep(60_000, new Set())).toBe(0)
  expect(await store.sweep(-1_000, new Set(['alive']))).toBe(2)
  expect(String(await buffer(await store.get('a')))).toBe('kept')
  expect(await filesIn(folder)).toHaveLength(2)
})

/** Puts objects one after the other, each filled with its number, and prints the number of each that was answered. */
const writer = `
const { FileSystemObjectStore } = await import(process.argv[1])
const store = new FileSystemObjectStore({ folder: process.argv[2], minFreeBytes: 0 })
for (let number = Number(process.argv[3]); ; number++) {
  const chunk = Buffer.alloc(65536, number % 251)
  await store.put('object ' + number, (async function* () { yield chunk; yield chunk; yield chunk })(), { sizeBytes: 196608 })
  process.stdout.write(number + '\\n')
}`

test('a process killed in the middle of puts loses nothing that was answered and leaves nothing half', async () => {
  const store = openStore()
  const source = new URL('./file-system-object-store.ts', import.meta.url)
  const script = await bundle(source.pathname)
  for (let round = 0; round < 5; round++) {
    const first = round * 10_000
    const child = spawn(
      process.execPath,
      ['--input-type=module', '-e', writer, script, join(folder, 'objects'), String(first)],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    let answered = ''
    child.stdout.on('data', (chunk) => {
      answered += chunk
      if (answered.split('\n').length > 5 + round * 3) child.kill('SIGKILL')
    })
    await once(child, 'close')
    const numbers = answered.trim().split('\n').map(Number)
    expect(numbers.length).toBeGreaterThan(4)
    for (const number of numbers) {
      const bytes = await buffer(await store.get(`object ${number}`))
      expect(bytes.equals(Buffer.alloc(196_608, number % 251))).toBe(true)
    }
    const after = (numbers.at(-1) ?? 0) + 1
    const cut = await store.stat(`object ${after}`)
    if (cut !== undefined) expect(cut.sizeBytes).toBe(196_608)
  }
})

async function bundle(source: string): Promise<string> {
  const { build } = await import('esbuild')
  const outfile = join(folder, 'store.mjs')
  await build({
    entryPoints: [source],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    conditions: ['parley-source'],
    logLevel: 'error',
  })
  return outfile
}
