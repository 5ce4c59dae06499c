import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { probeMedia } from './probe-media.ts'

const probe = (contentType: string, bytes: Buffer) =>
  probeMedia(contentType, {
    sizeBytes: bytes.length,
    read: async (start, end) => bytes.subarray(start, end + 1),
  })

const picture = () => sharp({ create: { width: 37, height: 21, channels: 3, background: '#336699' } })

async function pictures(): Promise<[string, Buffer][]> {
  return [
    ['PNG', await picture().png().toBuffer()],
    ['progressive JPEG', await picture().jpeg({ progressive: true }).toBuffer()],
    ['GIF', await picture().gif().toBuffer()],
    ['lossy WebP', await picture().webp().toBuffer()],
    ['lossless WebP', await picture().webp({ lossless: true }).toBuffer()],
    [
      'extended WebP',
      await picture()
        .webp()
        .withExif({ IFD0: { Copyright: 'x' } })
        .toBuffer(),
    ],
  ]
}

test('pictures tell their size, whatever image they claim to be', async () => {
  for (const [name, bytes] of await pictures()) {
    expect([name, await probe('image/png', bytes)]).toEqual([name, { width: 37, height: 21 }])
  }
})

test.each([1, 2, 3, 4, 5, 6, 7, 8])(
  'a JPEG of orientation %i tells its size as shown',
  async (orientation) => {
    const bytes = await picture().withMetadata({ orientation }).jpeg().toBuffer()
    const upright = orientation < 5 ? { width: 37, height: 21 } : { width: 21, height: 37 }
    expect(await probe('image/jpeg', bytes)).toEqual(upright)
  },
)

test('what claims to be no picture, sound or film is not looked at', async () => {
  expect(await probe('text/plain', await picture().png().toBuffer())).toBeUndefined()
})

function wav(seconds: number): Buffer {
  const rate = 8_000
  const head = Buffer.alloc(44)
  head.write('RIFF')
  head.writeUInt32LE(36 + seconds * rate * 2, 4)
  head.write('WAVEfmt ', 8)
  head.writeUInt32LE(16, 16)
  head.writeUInt16LE(1, 20)
  head.writeUInt16LE(1, 22)
  head.writeUInt32LE(rate, 24)
  head.writeUInt32LE(rate * 2, 28)
  head.writeUInt16LE(2, 32)
  head.writeUInt16LE(16, 34)
  head.write('data', 36)
  head.writeUInt32LE(seconds * rate * 2, 40)
  return Buffer.concat([head, Buffer.alloc(seconds * rate * 2)])
}

test('a WAV tells its duration', async () => {
  expect(await probe('audio/wav', wav(3))).toEqual({ durationMs: 3_000 })
})

const ffmpeg = process.env.PARLEY_FFMPEG ?? 'ffmpeg'
const hasFfmpeg = spawnSync(ffmpeg, ['-version']).status === 0

describe.runIf(hasFfmpeg)('files that ffmpeg wrote', () => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'parley-probe-'))
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  const sound = ['-f', 'lavfi', '-i', 'sine=frequency=440:duration=2.5']
  const film = ['-f', 'lavfi', '-i', 'testsrc=duration=2.5:size=64x48:rate=10']
  const cases: [string, string, string[], object][] = [
    ['tone.mp3', 'audio/mpeg', [...sound, '-c:a', 'libmp3lame'], {}],
    [
      'constant.mp3',
      'audio/mpeg',
      [...sound, '-c:a', 'libmp3lame', '-write_xing', '0', '-id3v2_version', '3'],
      {},
    ],
    ['tone.ogg', 'audio/ogg', [...sound, '-c:a', 'libopus'], {}],
    ['vorbis.ogg', 'audio/ogg', [...sound, '-c:a', 'libvorbis'], {}],
    ['tone.flac', 'audio/flac', [...sound], {}],
    ['tone.m4a', 'audio/mp4', [...sound, '-c:a', 'aac'], {}],
    ['voice.webm', 'audio/webm', [...sound, '-c:a', 'libopus'], {}],
    ['live.webm', 'audio/webm', [...sound, '-c:a', 'libopus', '-live', '1'], {}],
    ['film.mp4', 'video/mp4', [...film, '-c:v', 'libx264'], { width: 64, height: 48 }],
    [
      'fast.mp4',
      'video/mp4',
      [...film, '-c:v', 'libx264', '-movflags', '+faststart'],
      { width: 64, height: 48 },
    ],
    ['film.webm', 'video/webm', [...film, '-c:v', 'libvpx'], { width: 64, height: 48 }],
  ]
  test.each(cases)('%s tells what it is', async (name, contentType, args, size) => {
    const path = join(folder, name)
    execFileSync(ffmpeg, ['-v', 'error', ...args, path])
    const facts = await probe(contentType, readFileSync(path))
    expect(facts).toMatchObject(size)
    expect(facts?.durationMs).toBeGreaterThan(2_350)
    expect(facts?.durationMs).toBeLessThan(2_700)
  })

  test('a film that is turned by its matrix tells its size as shown', async () => {
    const straight = join(folder, 'straight.mp4')
    const turned = join(folder, 'turned.mp4')
    execFileSync(ffmpeg, ['-v', 'error', ...film, '-c:v', 'libx264', straight])
    execFileSync(ffmpeg, [
      '-v',
      'error',
      '-i',
      straight,
      '-c',
      'copy',
      '-metadata:s:v:0',
      'rotate=90',
      turned,
    ])
    const facts = await probe('video/mp4', readFileSync(turned))
    expect([
      { width: 48, height: 64 },
      // Newer ffmpeg passes over the option.
      { width: 64, height: 48 },
    ]).toContainEqual({ width: facts?.width, height: facts?.height })
  })

  test('no cut, no flipped byte brings it down or makes it read without end', async () => {
    const files = cases.map(([name, contentType]) => ({
      contentType,
      bytes: readFileSync(join(folder, name)),
    }))
    await fuzz(files)
  })
})

test('no cut, no flipped byte of a picture brings the reader down', async () => {
  const found = [
    ...(await pictures()),
    ['turned', await picture().withMetadata({ orientation: 6 }).jpeg().toBuffer()],
  ]
  await fuzz(found.map(([, bytes]) => ({ contentType: 'image/png', bytes: bytes as Buffer })))
})

test('bytes of chance bring nothing down', async () => {
  const starts = [
    'RIFF\0\0\0\0WAVE',
    'OggS',
    'fLaC',
    '\x1a\x45\xdf\xa3',
    '\0\0\0\x08ftyp',
    'ID3',
    '\xff\xfb',
    '\xff\xd8\xff',
  ]
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('image/png', 'audio/mpeg', 'video/mp4'),
      fc.constantFrom(...starts),
      fc.uint8Array({ maxLength: 400 }),
      async (contentType, start, rest) => {
        await within(contentType, Buffer.concat([Buffer.from(start, 'latin1'), rest]))
      },
    ),
    { numRuns: 2_000 },
  )
})

async function fuzz(files: { contentType: string; bytes: Buffer }[]): Promise<void> {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...files),
      fc.array(fc.tuple(fc.nat({ max: 600 }), fc.nat({ max: 255 })), { maxLength: 6 }),
      fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
      async ({ contentType, bytes }, flips, cut) => {
        const broken = Buffer.from(cut === null ? bytes : bytes.subarray(0, Math.floor(bytes.length * cut)))
        for (const [at, value] of flips) if (at < broken.length) broken[at] = value
        await within(contentType, broken)
      },
    ),
    { numRuns: 1_500 },
  )
}

/** Resolves, with plausible numbers or none, after few reads. */
async function within(contentType: string, bytes: Buffer): Promise<void> {
  let reads = 0
  const facts = await probeMedia(contentType, {
    sizeBytes: bytes.length,
    read: async (start, end) => {
      reads++
      return bytes.subarray(start, end + 1)
    },
  })
  expect(reads).toBeLessThanOrEqual(48)
  for (const value of Object.values(facts ?? {})) {
    expect(Number.isFinite(value)).toBe(true)
    expect(value).toBeGreaterThanOrEqual(0)
  }
}
