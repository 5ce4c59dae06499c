import { deflateSync } from 'node:zlib'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestOrigin, type TestOrigin } from '../test-origin/index.ts'
import { thumbnailKey } from './thumbnail-sizes.ts'

let origin: TestOrigin
beforeAll(async () => {
  origin = await startTestOrigin({ settings: { maxThumbnailPixels: 4_000_000 } })
})
afterAll(() => origin.close())

const left = { width: 600, height: 400, channels: 3 as const, background: '#cc0000' }
const picture = () => sharp({ create: left })
const sizeOf = async (response: Response) => {
  const { width, height, format } = await sharp(Buffer.from(await response.arrayBuffer())).metadata()
  return { width, height, format }
}
const withSize = (url: string | undefined, size: number | string) =>
  (url ?? 'http://nothing').replace(/size=\d+$/, `size=${size}`)

test.each(['png', 'jpeg', 'gif', 'webp'] as const)(
  'a stored %s tells its size and is served smaller',
  async (format) => {
    const file = await origin.upload(await picture().toFormat(format).toBuffer(), {
      contentType: `image/${format}`,
    })
    expect(file).toMatchObject({ width: 600, height: 400 })
    const response = await fetch(file.thumbnailUrl ?? '')
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('image/webp')
    expect(response.headers.get('content-security-policy')).toBe("sandbox; default-src 'none'")
    expect(response.headers.get('content-disposition')).toMatch(/^inline; filename="a-480.webp"/)
    expect(await sizeOf(response)).toEqual({ width: 480, height: 320, format: 'webp' })
    expect(await sizeOf(await fetch(withSize(file.thumbnailUrl, 160)))).toMatchObject({
      width: 160,
      height: 107,
    })
    expect(await sizeOf(await fetch(withSize(file.thumbnailUrl, 1080)))).toMatchObject({
      width: 600,
      height: 400,
    })
  },
)

test('a thumbnail stands upright and keeps nothing of where the picture was taken', async () => {
  const bytes = await picture()
    .withExif({ IFD0: { Copyright: 'secret place' } })
    .withMetadata({ orientation: 6 })
    .jpeg()
    .toBuffer()
  const file = await origin.upload(bytes, { contentType: 'image/jpeg' })
  expect(file).toMatchObject({ width: 400, height: 600 })
  const small = Buffer.from(await (await fetch(withSize(file.thumbnailUrl, 160))).arrayBuffer())
  const facts = await sharp(small).metadata()
  expect(facts).toMatchObject({ width: 107, height: 160 })
  expect(facts.exif).toBeUndefined()
})

test('a thumbnail is made once and kept, has a tag of its own, and goes with its picture', async () => {
  const file = await origin.upload(await picture().png().toBuffer())
  const ref = { projectId: 'proj_a', objectId: file.id }
  const url = file.thumbnailUrl ?? ''
  expect(await origin.store.stat(thumbnailKey(ref, 480))).toBeUndefined()
  const answers = await Promise.all(Array.from({ length: 5 }, () => fetch(url)))
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200])
  const tag = answers[0]?.headers.get('etag') ?? ''
  expect(tag).toBe(`"${file.sha256}-480"`)
  expect((await fetch(url, { headers: { 'if-none-match': tag } })).status).toBe(304)
  expect(await origin.store.stat(thumbnailKey(ref, 480))).toBeDefined()
  expect((await fetch(url, { headers: { range: 'bytes=0-9' } })).status).toBe(206)
  await origin.call('DELETE', `/v1/uploads/${file.id}`)
  expect((await fetch(url)).status).toBe(404)
  origin.clock.aheadMs = 2 * 86_400_000
  await origin.objects.collect()
  origin.clock.aheadMs = 0
  expect(await origin.store.stat(thumbnailKey(ref, 480))).toBeUndefined()
})

test('only the three sizes are made, and only of what is signed', async () => {
  const { thumbnailUrl } = await origin.upload(await picture().png().toBuffer())
  for (const size of ['0', '481', '99999', '', '480&size=160', '-160']) {
    expect((await fetch(withSize(thumbnailUrl, size))).status).toBe(403)
  }
  expect((await fetch(thumbnailUrl?.replace(/signature=./, 'signature=_') ?? '')).status).toBe(403)
  const text = await origin.upload(Buffer.from('text'), { contentType: 'text/plain' })
  expect(text.thumbnailUrl).toBeUndefined()
  expect((await fetch(`${text.url}&size=480`)).status).toBe(404)
})

/** A PNG of a few bytes that unpacks to many. */
function bomb(width: number, height: number): Buffer {
  const chunk = (type: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(type), data])
    const frame = Buffer.alloc(8)
    frame.writeUInt32BE(data.length, 0)
    frame.writeUInt32BE(crc(body), 4)
    return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)])
  }
  const head = Buffer.alloc(13)
  head.writeUInt32BE(width, 0)
  head.writeUInt32BE(height, 4)
  head.set([1, 0, 0, 0, 0], 8)
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', head),
    chunk('IDAT', deflateSync(Buffer.alloc((width / 8 + 1) * height))),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

function crc(bytes: Buffer): number {
  let sum = 0xffffffff
  for (const byte of bytes) {
    sum ^= byte
    for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0)
  }
  return (sum ^ 0xffffffff) >>> 0
}

test('a picture of too many pixels is stored, and no thumbnail is made of it', async () => {
  const bytes = bomb(16_000, 16_000)
  expect(bytes.length).toBeLessThan(100_000)
  const file = await origin.upload(bytes)
  expect(file).toMatchObject({ width: 16_000, height: 16_000 })
  expect(file.thumbnailUrl).toBeUndefined()
  expect((await fetch(`${file.url}&size=160`)).status).toBe(404)
})

test('a header that lies about the pixels does not get them unpacked either', async () => {
  const bytes = bomb(16_000, 16_000)
  const small = Buffer.concat([
    await sharp({ create: { ...left, width: 8, height: 8 } })
      .gif()
      .toBuffer(),
    bytes,
  ])
  const { thumbnailUrl } = await origin.upload(small)
  expect([200, 404]).toContain((await fetch(thumbnailUrl ?? '')).status)
})

test('a broken picture is a 404, the second time without another try', async () => {
  const whole = await picture().png().toBuffer()
  const file = await origin.upload(Buffer.concat([whole.subarray(0, 60), Buffer.from('garbage'.repeat(20))]))
  expect(file).toMatchObject({ width: 600, height: 400 })
  expect((await fetch(file.thumbnailUrl ?? '')).status).toBe(404)
  expect((await fetch(file.thumbnailUrl ?? '')).status).toBe(404)
})

test('a picture has an address that lasts over time and keys, and shows a smaller one to everybody who has it', async () => {
  const bytes = await picture().png().toBuffer()
  const announced = await origin.call('POST', '/v1/uploads', {
    ...{ name: 'me.png', contentType: 'image/png', sizeBytes: bytes.length, picture: true },
  })
  const { id, uploadUrl } = announced.answer as { id: string; uploadUrl: string }
  expect((await origin.call('GET', `/v1/objects/${id}`)).answer).not.toHaveProperty('pictureUrl')
  expect((await fetch(uploadUrl, { method: 'PUT', body: new Uint8Array(bytes) })).status).toBe(200)
  const { pictureUrl } = (await origin.call('GET', `/v1/objects/${id}`)).answer as { pictureUrl: string }

  const kept = (await fetch(pictureUrl)).headers.get('cache-control')
  expect(kept).toMatch(/^private, max-age=(604800|6047\d\d), immutable$/)
  origin.clock.aheadMs += 400 * 86_400_000
  const response = await fetch(pictureUrl)
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toBe('image/webp')
  expect(response.headers.get('content-security-policy')).toBe("sandbox; default-src 'none'")
  expect(await sizeOf(response)).toEqual({ width: 480, height: 320, format: 'webp' })
  expect(await sizeOf(await fetch(`${pictureUrl}?size=160`))).toMatchObject({ width: 160 })

  const other = pictureUrl.at(-1) === '0' ? '1' : '0'
  expect((await fetch(pictureUrl.slice(0, -1) + other)).status).toBe(404)
  expect((await fetch(`${pictureUrl}?size=481`)).status).toBe(403)
  expect((await fetch(`${pictureUrl}?expires=1&signature=${'0'.repeat(64)}`)).status).toBe(403)
  expect((await fetch(pictureUrl, { method: 'PUT', body: 'x' })).status).toBe(405)
  expect((await fetch(pictureUrl.replace(/proj_\w+|\/pictures\/[^/]+/, '/pictures/proj_other'))).status).toBe(
    404,
  )
  await origin.call('DELETE', `/v1/uploads/${id}`)
  expect((await fetch(pictureUrl)).status).toBe(404)
})

test('only what was announced as a picture is one, and only pictures are announced so', async () => {
  const file = await origin.upload(await picture().png().toBuffer())
  expect(file).not.toHaveProperty('pictureUrl')
  const announce = async (fields: object) =>
    (await origin.call('POST', '/v1/uploads', { name: 'a', sizeBytes: 1, picture: true, ...fields })).code
  expect(await announce({ contentType: 'image/svg+xml' })).toBe('unsupported-media-type')
  expect(await announce({ contentType: 'image/png', sizeBytes: 10 * 1024 * 1024 + 1 })).toBe('body-too-large')
})
