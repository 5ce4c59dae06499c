import { createHash, randomBytes } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { Upload } from 'tus-js-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readS3Address } from '../s3/s3-address.ts'
import { S3ObjectStore } from '../s3/s3-object-store.ts'
import { type StrictS3, startStrictS3 } from '../s3/strict-s3.ts'
import { startTestOrigin, type TestOrigin } from '../test-origin/index.ts'

const sha256Of = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

const adapters: { name: string; open: () => Promise<{ origin: TestOrigin; bucket?: StrictS3 }> }[] = [
  { name: 'files', open: async () => ({ origin: await startTestOrigin() }) },
  {
    name: 'a bucket',
    open: async () => {
      const bucket = await startStrictS3()
      const store = new S3ObjectStore(readS3Address({ s3Url: bucket.url }))
      return { origin: await startTestOrigin({ store }), bucket }
    },
  },
]

describe.each(adapters)('tus over $name', ({ open }) => {
  let origin: TestOrigin
  let bucket: StrictS3 | undefined
  beforeAll(async () => {
    ;({ origin, bucket } = await open())
  })
  afterAll(async () => {
    await origin.close()
    await bucket?.close()
  })

  const tus = async (
    url: string,
    method: string,
    headers: Record<string, string> = {},
    body?: Uint8Array,
  ) => {
    const response = await fetch(url, {
      method,
      headers: { 'tus-resumable': '1.0.0', ...headers },
      ...(body !== undefined && { body: Buffer.from(body) }),
    })
    const text = await response.text()
    return {
      status: response.status,
      offset: response.headers.get('upload-offset'),
      headers: response.headers,
      code: text === '' ? undefined : (JSON.parse(text) as { code: string }).code,
    }
  }
  const patch = (url: string, offset: number, bytes: Uint8Array, headers: Record<string, string> = {}) =>
    tus(
      url,
      'PATCH',
      { 'content-type': 'application/offset+octet-stream', 'upload-offset': String(offset), ...headers },
      bytes,
    )
  const read = async (id: string) => {
    const { url } = await origin.describe(id)
    return Buffer.from(await (await fetch(url)).arrayBuffer())
  }

  test('OPTIONS tells version, extensions, size and algorithms', async () => {
    const { uploadUrl } = await origin.announce({})
    const { status, headers } = await tus(uploadUrl, 'OPTIONS')
    expect(status).toBe(204)
    expect(headers.get('tus-version')).toBe('1.0.0')
    expect(headers.get('tus-extension')).toBe('creation,expiration,checksum,termination')
    expect(headers.get('tus-max-size')).toBe(String(origin.settings.maxObjectBytes))
    expect(headers.get('tus-checksum-algorithm')).toBe('sha1,sha256')
  })

  test('another version is answered 412 with ours', async () => {
    const { uploadUrl } = await origin.announce({})
    const { status, headers } = await tus(uploadUrl, 'HEAD', { 'tus-resumable': '0.2.2' })
    expect(status).toBe(412)
    expect(headers.get('tus-version')).toBe('1.0.0')
  })

  test('a file goes up in pieces', async () => {
    const bytes = randomBytes(9_000_000)
    const { id, uploadUrl } = await origin.announce({ sizeBytes: bytes.length, sha256: sha256Of(bytes) })
    expect(await tus(uploadUrl, 'HEAD')).toMatchObject({ status: 200, offset: '0' })
    expect(await patch(uploadUrl, 0, bytes.subarray(0, 8_500_000))).toMatchObject({
      status: 204,
      offset: '8500000',
    })
    const { headers } = await tus(uploadUrl, 'HEAD')
    expect(headers.get('upload-offset')).toBe('8500000')
    expect(headers.get('upload-length')).toBe('9000000')
    expect(headers.get('cache-control')).toBe('no-store')
    expect(Date.parse(headers.get('upload-expires') ?? '')).toBeGreaterThan(Date.now())
    expect((await origin.describe(id)).state).toBe('pending')
    expect(await patch(uploadUrl, 8_500_000, bytes.subarray(8_500_000))).toMatchObject({
      status: 204,
      offset: '9000000',
    })
    expect(await origin.describe(id)).toMatchObject({ state: 'stored', sha256: sha256Of(bytes) })
    expect((await read(id)).equals(bytes)).toBe(true)
    expect(await tus(uploadUrl, 'HEAD')).toMatchObject({ status: 200, offset: '9000000' })
  })

  test('a client that creates what it sends is given the announced upload', async () => {
    const { uploadUrl } = await origin.announce({ sizeBytes: 5 })
    const { status, headers } = await tus(uploadUrl, 'POST', { 'upload-length': '5' })
    expect(status).toBe(201)
    expect(new URL(headers.get('location') ?? '', uploadUrl).href).toBe(uploadUrl)
    expect(await tus(uploadUrl, 'POST', { 'upload-length': '6' })).toMatchObject({
      status: 422,
      code: 'size-mismatch',
    })
    expect(await tus(uploadUrl, 'POST')).toMatchObject({ status: 400 })
  })

  test.each([1, 2])('the public client tus-js-client sends a file (way %i)', async (way) => {
    const bytes = randomBytes(3_000_000)
    const { id, uploadUrl } = await origin.announce({ sizeBytes: bytes.length })
    await new Promise<void>((resolve, reject) => {
      const upload = new Upload(bytes, {
        ...(way === 1 ? { uploadUrl } : { endpoint: uploadUrl }),
        chunkSize: 1_000_000,
        retryDelays: [0],
        onSuccess: () => resolve(),
        onError: reject,
      })
      upload.start()
    })
    expect((await read(id)).equals(bytes)).toBe(true)
  })

  test('a piece at a wrong offset is a 409 and changes nothing', async () => {
    const { uploadUrl } = await origin.announce({ sizeBytes: 100 })
    await patch(uploadUrl, 0, Buffer.alloc(10))
    for (const offset of [0, 9, 11, 100, 1_000_000]) {
      expect(await patch(uploadUrl, offset, Buffer.alloc(5))).toMatchObject({ status: 409, code: 'conflict' })
    }
    expect((await tus(uploadUrl, 'HEAD')).offset).toBe('10')
  })

  test('a piece with a wrong checksum is a 460 and is dropped; the right one is taken', async () => {
    const { uploadUrl } = await origin.announce({ sizeBytes: 100 })
    await patch(uploadUrl, 0, Buffer.alloc(10))
    const piece = Buffer.from('a piece')
    const sha1 = createHash('sha1').update(piece).digest('base64')
    const wrong = createHash('sha1').update('another').digest('base64')
    expect(await patch(uploadUrl, 10, piece, { 'upload-checksum': `sha1 ${wrong}` })).toMatchObject({
      status: 460,
      code: 'upload-checksum-mismatch',
    })
    expect((await tus(uploadUrl, 'HEAD')).offset).toBe('10')
    expect(await patch(uploadUrl, 10, piece, { 'upload-checksum': 'md9 abcd' })).toMatchObject({
      status: 400,
    })
    expect(await patch(uploadUrl, 10, piece, { 'upload-checksum': `sha1 ${sha1}` })).toMatchObject({
      status: 204,
      offset: '17',
    })
  })

  test('malformed pieces are refused', async () => {
    const { uploadUrl } = await origin.announce({ sizeBytes: 100 })
    expect(await patch(uploadUrl, 0, Buffer.alloc(1), { 'content-type': 'text/plain' })).toMatchObject({
      status: 415,
    })
    for (const offset of ['-1', 'x', '1.5', '9'.repeat(40)]) {
      expect(await patch(uploadUrl, 0, Buffer.alloc(1), { 'upload-offset': offset })).toMatchObject({
        status: 400,
      })
    }
    expect(await patch(uploadUrl, 0, Buffer.alloc(101))).toMatchObject({ status: 422, code: 'size-mismatch' })
  })

  test('a whole file that is not what was announced is refused, and the upload begins anew', async () => {
    const bytes = Buffer.from('announced')
    const { id, uploadUrl } = await origin.announce({ sizeBytes: bytes.length, sha256: sha256Of(bytes) })
    expect(await patch(uploadUrl, 0, Buffer.from('different'))).toMatchObject({
      status: 422,
      code: 'checksum-mismatch',
    })
    expect((await origin.describe(id)).state).toBe('pending')
    expect((await tus(uploadUrl, 'HEAD')).offset).toBe('0')
    expect(await patch(uploadUrl, 0, bytes)).toMatchObject({ status: 204 })
    expect((await origin.describe(id)).state).toBe('stored')
  })

  test('an empty file needs an empty piece', async () => {
    const { id, uploadUrl } = await origin.announce({ sizeBytes: 0 })
    expect(await patch(uploadUrl, 0, Buffer.alloc(0))).toMatchObject({ status: 204, offset: '0' })
    expect((await origin.describe(id)).state).toBe('stored')
  })

  test('networks that know no PATCH may hide it in a POST', async () => {
    const { uploadUrl } = await origin.announce({ sizeBytes: 3 })
    const answer = await tus(
      uploadUrl,
      'POST',
      {
        'x-http-method-override': 'PATCH',
        'content-type': 'application/offset+octet-stream',
        'upload-offset': '0',
      },
      Buffer.from('abc'),
    )
    expect(answer).toMatchObject({ status: 204, offset: '3' })
  })

  test('termination removes the upload; a stored file stays', async () => {
    const { id, uploadUrl } = await origin.announce({ sizeBytes: 100 })
    await patch(uploadUrl, 0, Buffer.alloc(50))
    expect((await tus(uploadUrl, 'DELETE')).status).toBe(204)
    expect((await tus(uploadUrl, 'HEAD')).status).toBe(404)
    expect((await origin.describe(id)).code).toBe('object-not-found')
    const stored = await origin.announce({ sizeBytes: 1 })
    await patch(stored.uploadUrl, 0, Buffer.alloc(1))
    expect((await tus(stored.uploadUrl, 'DELETE')).status).toBe(403)
    expect((await origin.describe(stored.id)).state).toBe('stored')
  })

  test('an upload that has begun may be gone on with after its address expired, until it has rested for a day', async () => {
    const begun = await origin.announce({ sizeBytes: 100 })
    const idle = await origin.announce({ sizeBytes: 100 })
    await patch(begun.uploadUrl, 0, Buffer.alloc(50))
    origin.clock.aheadMs = origin.settings.uploadTtlMs + 1_000
    expect((await tus(idle.uploadUrl, 'HEAD')).status).toBe(403)
    expect((await tus(begun.uploadUrl, 'HEAD')).offset).toBe('50')
    expect(await patch(begun.uploadUrl, 50, Buffer.alloc(1))).toMatchObject({ status: 204 })
    origin.clock.aheadMs += origin.settings.unfinishedTtlMs - 60_000
    await origin.objects.collect()
    expect((await tus(begun.uploadUrl, 'HEAD')).offset).toBe('51')
    origin.clock.aheadMs += 120_000
    expect((await tus(begun.uploadUrl, 'HEAD')).status).toBe(403)
    await origin.objects.collect()
    expect((await origin.describe(begun.id)).code).toBe('object-not-found')
    origin.clock.aheadMs = 0
    if (bucket !== undefined) expect(bucket.names().filter((name) => name.includes('/partial/'))).toEqual([])
    else expect(await readdir(join(origin.folder, 'partial'))).toEqual(await livePartials(origin))
  })

  test('a cut connection costs nothing that had arrived, and a newer request ends one that hangs', async () => {
    const bytes = randomBytes(12_000_000)
    const { id, uploadUrl } = await origin.announce({ sizeBytes: bytes.length, sha256: sha256Of(bytes) })
    const { pathname, search, port } = new URL(uploadUrl)
    const hanging = request({
      ...{ host: '127.0.0.1', port, method: 'PATCH', path: pathname + search },
      headers: {
        'tus-resumable': '1.0.0',
        'upload-offset': '0',
        'content-type': 'application/offset+octet-stream',
      },
    })
    hanging.on('error', () => undefined)
    await new Promise<void>((resolve) => hanging.write(bytes.subarray(0, 9_000_000), () => resolve()))
    let offset = 0
    await expect
      .poll(async () => {
        offset = Number((await tus(uploadUrl, 'HEAD')).offset)
        return offset
      })
      .toBeGreaterThan(0)
    hanging.destroy()
    offset = Number((await tus(uploadUrl, 'HEAD')).offset)
    expect(await patch(uploadUrl, offset, bytes.subarray(offset))).toMatchObject({ status: 204 })
    expect((await read(id)).equals(bytes)).toBe(true)
  })

  test('two requests that write at once leave a whole file or none', async () => {
    const bytes = randomBytes(500_000)
    const { id, uploadUrl } = await origin.announce({ sizeBytes: bytes.length, sha256: sha256Of(bytes) })
    const answers = await Promise.all([0, 1, 2].map(() => patch(uploadUrl, 0, bytes)))
    for (const { status } of answers) expect([204, 409]).toContain(status)
    const offset = Number((await tus(uploadUrl, 'HEAD')).offset)
    if (offset < bytes.length) await patch(uploadUrl, offset, bytes.subarray(offset))
    expect((await read(id)).equals(bytes)).toBe(true)
  })
})

const livePartials = async (origin: TestOrigin) => {
  const { rows } = await origin.api.database.system.query<{ project_id: string; object_id: string }>({
    text: 'select project_id, object_id from objects.transfers',
  })
  return rows.map((row) => sha256Of(Buffer.from(`${row.project_id}/${row.object_id}`))).sort()
}
