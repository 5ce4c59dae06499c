import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { ConfigError } from '@parley/core/kernel'
import S3rver from 's3rver'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { objectStoreContract } from '../object-store-contract.ts'
import { readS3Address } from './s3-address.ts'
import { S3ObjectStore } from './s3-object-store.ts'
import { type StrictS3, startStrictS3 } from './strict-s3.ts'

async function* bytesOnce(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

describe('a strict bucket', () => {
  let bucket: StrictS3
  beforeEach(async () => {
    bucket = await startStrictS3()
  })
  afterEach(() => bucket.close())
  const open = (url = bucket.url) => new S3ObjectStore(readS3Address({ s3Url: url }))

  objectStoreContract('S3ObjectStore', async () => open())

  test('no key leaves the prefix', async () => {
    await open().put('../../out', bytesOnce(Buffer.from('x')), { sizeBytes: 1 })
    expect(bucket.names()).toHaveLength(1)
    expect(bucket.names()[0]).toMatch(/^some\/prefix\/stored\/[0-9a-f]{2}\/[0-9a-f]{2}\/[0-9a-f]{64}$/)
  })

  test('finished and discarded transfers leave nothing but their object', async () => {
    const store = open()
    const bytes = randomBytes(9_000_000)
    const half = await store.append(
      'a',
      await store.begin('a', 9_000_000),
      bytesOnce(bytes.subarray(0, 10)),
      {
        sizeBytes: 9_000_000,
      },
    )
    expect(bucket.names()).toHaveLength(1)
    const whole = await store.append('a', half, bytesOnce(bytes.subarray(10)), { sizeBytes: 9_000_000 })
    await store.finish('a', whole)
    const other = await store.append('b', await store.begin('b', 100), bytesOnce(bytes.subarray(0, 10)), {
      sizeBytes: 100,
    })
    await store.discard('b', other)
    expect(bucket.names()).toHaveLength(1)
    expect(bucket.uploads()).toBe(0)
  })

  test('a failed put of many parts leaves no upload behind', async () => {
    const short = open().put('a', bytesOnce(Buffer.alloc(9_000_000)), { sizeBytes: 10_000_000 })
    await expect(short).rejects.toMatchObject({ code: 'size-mismatch' })
    expect(bucket.uploads()).toBe(0)
  })

  test('two processes that put the same key at once leave one of them, whole', async () => {
    const contents = [Buffer.alloc(9_000_000, 1), Buffer.alloc(9_000_000, 2), Buffer.alloc(9_000_000, 3)]
    const answers = await Promise.all(
      contents.map((bytes) => open().put('a', bytesOnce(bytes), { sizeBytes: bytes.length })),
    )
    expect(answers.filter(({ created }) => created)).toHaveLength(1)
    const kept = contents[answers.findIndex(({ created }) => created)]
    expect((await buffer(await open().get('a'))).equals(kept ?? Buffer.alloc(0))).toBe(true)
  })

  test('sweep aborts old uploads and nothing else', async () => {
    const store = open()
    await store.put('kept', bytesOnce(Buffer.from('kept')), { sizeBytes: 4 })
    await store.begin('left', 10)
    await store.begin('alive', 10)
    expect(await store.sweep(60_000, new Set())).toBe(0)
    expect(await store.sweep(-1_000, new Set(['alive']))).toBe(1)
    expect(bucket.uploads()).toBe(1)
    expect(String(await buffer(await store.get('kept')))).toBe('kept')
  })

  test('a server that stumbles is asked again', async () => {
    bucket.failNext(3)
    expect(await open().put('a', bytesOnce(Buffer.from('x')), { sizeBytes: 1 })).toMatchObject({
      created: true,
    })
  })

  test('a wrong secret is an error, and not a missing object', async () => {
    const wrong = open(bucket.url.replace('strict:', 'strict:x'))
    await expect(wrong.get('a')).rejects.toThrow('SignatureDoesNotMatch')
  })

  test('a server that is not there is unavailable', async () => {
    await bucket.close()
    await expect(open().stat('a')).rejects.toMatchObject({ code: 'unavailable' })
  })
})

describe('s3rver', () => {
  let folder: string
  let server: S3rver
  let port: number
  let count = 0
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'parley-s3rver-'))
    server = new S3rver({
      port: 0,
      address: '127.0.0.1',
      silent: true,
      directory: folder,
      configureBuckets: [{ name: 'parley', configs: [] }],
    })
    port = (await server.run()).port
  })
  afterAll(async () => {
    await server.close()
    await rm(folder, { recursive: true, force: true })
  })

  objectStoreContract(
    'S3ObjectStore',
    async () =>
      new S3ObjectStore(
        readS3Address({ s3Url: `http://S3RVER:S3RVER@127.0.0.1:${port}/parley/test${count++}` }),
      ),
    // It cannot abort an upload, and takes bytes=0-0 for the whole object.
    { forgetsDiscarded: false, readsFirstByteAlone: false },
  )
})

describe('PARLEY_S3_URL', () => {
  test('names endpoint, bucket, prefix, region and credentials', () => {
    const s3Url = 'https://key:se%2Fcret@s3.example:9000/files/parley?region=eu-1'
    expect(readS3Address({ s3Url })).toEqual({
      bucketUrl: 'https://s3.example:9000/files',
      region: 'eu-1',
      accessKey: 'key',
      secretKey: 'se/cret',
      prefix: 'parley/',
    })
  })

  test('may leave credentials to settings of their own and put the bucket before the host', () => {
    const s3Url = 'https://s3.example/files?style=virtual'
    expect(readS3Address({ s3Url, s3AccessKey: 'a', s3SecretKey: 'b' })).toMatchObject({
      bucketUrl: 'https://files.s3.example',
      region: 'us-east-1',
      accessKey: 'a',
      prefix: '',
    })
  })

  test.each([
    'nonsense',
    'ftp://a:hidden@b/c',
    'https://a:hidden@host/',
    'https://host/bucket',
    'https://a:hidden@h/b?style=x',
  ])('%s is refused without telling a secret', (s3Url) => {
    expect(() => readS3Address({ s3Url })).toThrow(ConfigError)
    expect(() => readS3Address({ s3Url })).not.toThrow('hidden')
  })
})
