import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { basic } from '../http/test-server/index.ts'
import { FileSystemObjectStore } from './file-system-object-store.ts'
import { startTestOrigin, type TestOrigin } from './test-origin/index.ts'

const dayMs = 86_400_000

/** Fails where a process could be killed. */
class FailingStore extends FileSystemObjectStore {
  failDeletes = false
  override async delete(key: string): Promise<void> {
    if (this.failDeletes) throw new Error('killed')
    await super.delete(key)
  }
}

let origin: TestOrigin
let store: FailingStore
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'parley-collection-'))
  store = new FailingStore({ folder, minFreeBytes: 0 })
  origin = await startTestOrigin({ store })
})
afterAll(async () => {
  await origin.close()
  await rm(folder, { recursive: true })
})

const keyOf = (id: string) => `proj_a/${id}`

test('a deleted file is not found from then on, and its bytes go a day later', async () => {
  const file = await origin.upload(Buffer.from('bytes'))
  expect((await origin.call('DELETE', `/v1/uploads/${file.id}`)).status).toBe(204)
  expect((await origin.describe(file.id)).code).toBe('object-not-found')
  expect((await fetch(file.url)).status).toBe(404)
  expect((await origin.call('DELETE', `/v1/uploads/${file.id}`)).status).toBe(404)
  origin.clock.aheadMs = dayMs - 60_000
  expect(await origin.objects.collect()).toBe(0)
  expect(String(await buffer(await store.get(keyOf(file.id))))).toBe('bytes')
  origin.clock.aheadMs = dayMs + 60_000
  expect(await origin.objects.collect()).toBe(1)
  expect(await store.stat(keyOf(file.id))).toBeUndefined()
  origin.clock.aheadMs = 0
})

test('release counts with its transaction, passes over what it does not know, and touches no other project', async () => {
  const file = await origin.upload(Buffer.from('bytes'))
  const project = origin.api.database.project('proj_a')
  const undone = project.transaction(async (tx) => {
    await origin.objects.release(tx, 'proj_a', [file.id, 'obj_unknown'])
    throw new Error('undone')
  })
  await expect(undone).rejects.toThrow('undone')
  expect((await origin.describe(file.id)).state).toBe('stored')
  await origin.objects.release(origin.api.database.project('proj_b'), 'proj_b', [file.id])
  expect((await origin.describe(file.id)).state).toBe('stored')
  await project.transaction((tx) => origin.objects.release(tx, 'proj_a', [file.id]))
  expect((await origin.describe(file.id)).code).toBe('object-not-found')
  await expect(origin.objects.describe(project, [file.id], { requireStored: true })).rejects.toMatchObject({
    code: 'object-not-found',
  })
})

test('only owner and key may delete', async () => {
  const { id } = await origin.announce({}, 'Bearer user:proj_a:anna')
  const remove = async (as: string) =>
    (await origin.call('DELETE', `/v1/uploads/${id}`, undefined, as)).status
  expect(await remove('Bearer user:proj_a:ben')).toBe(404)
  expect(await remove(basic('key_b'))).toBe(404)
  expect(await remove('Bearer user:proj_a:anna')).toBe(204)
})

test('a collection that dies before the bytes are gone is completed by the next, and nobody reads in between', async () => {
  const file = await origin.upload(Buffer.from('bytes'))
  await origin.call('DELETE', `/v1/uploads/${file.id}`)
  origin.clock.aheadMs = dayMs + 60_000
  store.failDeletes = true
  await expect(origin.objects.collect()).rejects.toThrow('killed')
  store.failDeletes = false
  expect((await fetch(file.url)).status).toBe(404)
  expect(await store.stat(keyOf(file.id))).toBeDefined()
  expect(await origin.objects.collect()).toBeGreaterThan(0)
  expect(await store.stat(keyOf(file.id))).toBeUndefined()
  expect(await origin.objects.collect()).toBe(0)
  origin.clock.aheadMs = 0
})
