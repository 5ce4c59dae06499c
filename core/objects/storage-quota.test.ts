import { afterAll, beforeAll, expect, test } from 'vitest'
import { basic } from '../http/test-server/index.ts'
import { startTestOrigin, type TestOrigin } from './test-origin/index.ts'

let origin: TestOrigin
beforeAll(async () => {
  origin = await startTestOrigin({
    settings: { maxStoredBytes: 10_000, maxObjectBytes: 4_000, maxUnfinished: 1_000 },
  })
})
afterAll(() => origin.close())

const usage = async (as = basic('key_a')) => (await origin.call('GET', '/v1/storage', undefined, as)).answer
const sumOf = async (projectId: string) => {
  const { rows } = await origin.api.database.system.query<{ bytes: number; count: number }>({
    text: 'select coalesce(sum(size_bytes), 0) as bytes, count(*) as count from objects.objects where project_id = $1',
    values: [projectId],
  })
  return { usedBytes: Number(rows[0]?.bytes), objects: Number(rows[0]?.count) }
}

test('a project that has stored nothing is told its limits', async () => {
  expect(await usage(basic('key_none'))).toEqual({
    ...{ usedBytes: 0, objects: 0, maxStoredBytes: 10_000, maxObjectBytes: 4_000 },
  })
})

test('a file that is too large is refused when it is announced, the first of a project too', async () => {
  expect(await origin.announce({ sizeBytes: 4_001 }, basic('key_new'))).toMatchObject({
    status: 413,
    code: 'body-too-large',
  })
  expect(await sumOf('proj_new')).toEqual({ usedBytes: 0, objects: 0 })
})

test('announcements at once never pass the limit together, and what is counted is what is there', async () => {
  const answers = await Promise.all(Array.from({ length: 25 }, () => origin.announce({ sizeBytes: 1_500 })))
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(6)
  for (const { status, code } of answers) {
    if (status !== 201) expect({ status, code }).toEqual({ status: 422, code: 'limit-exceeded' })
  }
  expect(await usage()).toMatchObject({ usedBytes: 9_000, objects: 6 })
  expect(await sumOf('proj_a')).toEqual({ usedBytes: 9_000, objects: 6 })
  expect((await origin.announce({ sizeBytes: 1_500 }, basic('key_b'))).status).toBe(201)
})

test('room is given back when files are removed, by deletion and by collection alike', async () => {
  const deleted = await origin.announce({ sizeBytes: 1_000 })
  expect((await origin.announce({ sizeBytes: 1 })).status).toBe(422)
  expect((await origin.call('DELETE', `/v1/uploads/${deleted.id}`)).status).toBe(204)
  expect(await usage()).toMatchObject({ usedBytes: 9_000 })
  const { id } = await origin.upload(Buffer.alloc(1_000))
  await origin.call('DELETE', `/v1/uploads/${id}`)
  expect(await usage()).toMatchObject({ usedBytes: 10_000 })
  origin.clock.aheadMs = 2 * 86_400_000
  await Promise.all([origin.objects.collect(), origin.objects.collect(), origin.objects.collect()])
  origin.clock.aheadMs = 0
  expect(await usage()).toMatchObject({ usedBytes: 0, objects: 0 })
  expect(await sumOf('proj_a')).toEqual({ usedBytes: 0, objects: 0 })
})

test('a project may be given limits of its own, and have them taken away', async () => {
  const { database } = origin.api
  const limit = (maxStoredBytes: number | null, maxObjectBytes: number | null) =>
    origin.objects.quota.limit(database.project('proj_own'), 'proj_own', { maxStoredBytes, maxObjectBytes })
  const announce = async (sizeBytes: number) => (await origin.announce({ sizeBytes }, basic('key_own'))).code
  await limit(100, 50)
  expect(await usage(basic('key_own'))).toMatchObject({ maxStoredBytes: 100, maxObjectBytes: 50 })
  expect(await announce(51)).toBe('body-too-large')
  expect(await announce(50)).toBeUndefined()
  expect(await announce(50)).toBeUndefined()
  expect(await announce(1)).toBe('limit-exceeded')
  await limit(null, null)
  expect(await announce(3_000)).toBeUndefined()
})
