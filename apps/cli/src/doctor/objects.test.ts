import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type StrictS3, startStrictS3 } from '../../../../core/objects/s3/strict-s3.ts'
import { Installation } from '../installation.ts'
import { checkObjects } from './objects.ts'

let dataDir: string
let bucket: StrictS3
beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'parley-doctor-'))
  bucket = await startStrictS3()
})
afterEach(async () => {
  await bucket.close()
  rmSync(dataDir, { recursive: true })
})

const look = (env: Record<string, string> = {}) =>
  checkObjects({
    installation: new Installation({ PARLEY_DATA_DIR: dataDir, ...env }, undefined),
    repository: undefined,
    note: () => undefined,
  })

test('room for files is told, and a disk that leaves none is a problem', async () => {
  expect(await look()).toMatchObject([{ name: 'Files', state: expect.stringMatching(/fine|lacking/) }])
  expect(await look({ PARLEY_OBJECTS_MIN_FREE_BYTES: String(Number.MAX_SAFE_INTEGER) })).toMatchObject([
    { state: 'problem', detail: expect.stringContaining('storage-full') },
  ])
})

test('a bucket is used, not only greeted, and nothing is left in it', async () => {
  expect(await look({ PARLEY_S3_URL: bucket.url })).toMatchObject([{ state: 'fine' }])
  expect(bucket.names()).toEqual([])
})

test('a wrong secret and a wrong address are problems that tell no secret', async () => {
  const wrong = await look({ PARLEY_S3_URL: bucket.url, PARLEY_S3_SECRET_KEY: 'hidden' })
  expect(wrong).toMatchObject([
    { state: 'problem', detail: expect.stringContaining('SignatureDoesNotMatch') },
  ])
  expect(JSON.stringify(wrong)).not.toContain('hidden')
  expect(await look({ PARLEY_S3_URL: 'https://key:hidden@host/' })).toMatchObject([{ state: 'problem' }])
})
