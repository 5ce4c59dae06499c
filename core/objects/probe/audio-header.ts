import type { MediaFacts } from '../object-rows.ts'
import { type MediaReader, MediaUnreadable } from './media-reader.ts'

const mostChunks = 200

/** Duration of WAV: bytes of `data` over bytes a second. */
export async function readWavHeader(reader: MediaReader): Promise<MediaFacts> {
  let bytesPerSecond = 0
  for (let at = 12, chunk = 0; chunk < mostChunks; chunk++) {
    const head = await reader.bytes(at, 8)
    const type = head.toString('latin1', 0, 4)
    const size = head.readUInt32LE(4)
    if (type === 'fmt ') bytesPerSecond = (await reader.bytes(at + 8, 16)).readUInt32LE(8)
    if (type === 'data') {
      // What is written live often says 0 or all ones.
      const there = Math.min(size === 0 ? Number.POSITIVE_INFINITY : size, reader.sizeBytes - at - 8)
      return durationOf(there, bytesPerSecond)
    }
    at += 8 + size + (size % 2)
  }
  throw new MediaUnreadable('a WAV without data')
}

/** Duration of FLAC (RFC 9639, section 8.2): samples over samples a second. */
export async function readFlacHeader(reader: MediaReader): Promise<MediaFacts> {
  const info = await reader.bytes(18, 8)
  const rate = info.readUIntBE(0, 3) >>> 4
  const samples = ((info[3] ?? 0) & 0x0f) * 2 ** 32 + info.readUInt32BE(4)
  return durationOf(samples, rate)
}

const tailBytes = 131_072

/** Duration of Ogg (RFC 3533): position of the last page, for Opus (RFC 7845) without the samples skipped, and Vorbis. */
export async function readOggHeader(reader: MediaReader): Promise<MediaFacts> {
  const head = await reader.bytes(0, 27)
  const body = await reader.upTo(27 + (head[26] ?? 0), 32)
  const ascii = body.toString('latin1')
  let rate = 0
  let skipped = 0
  if (ascii.startsWith('OpusHead')) {
    rate = 48_000
    skipped = body.readUInt16LE(10)
  } else if (ascii.startsWith('\x01vorbis')) rate = body.readUInt32LE(12)
  else throw new MediaUnreadable('neither Opus nor Vorbis')
  const from = Math.max(0, reader.sizeBytes - tailBytes)
  const tail = await reader.upTo(from, tailBytes)
  const serial = head.subarray(14, 18)
  for (let at = tail.lastIndexOf('OggS'); at >= 0; at = at === 0 ? -1 : tail.lastIndexOf('OggS', at - 1)) {
    if (at + 18 > tail.length || !tail.subarray(at + 14, at + 18).equals(serial)) continue
    const position = tail.readBigInt64LE(at + 6)
    if (position >= 0n) return durationOf(Math.max(0, Number(position) - skipped), rate)
  }
  throw new MediaUnreadable('no page tells a position')
}

const bitrates = {
  first: [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  second: [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
}
const rates = [44_100, 48_000, 32_000]

/** Duration of MP3: the number of frames where a Xing, Info or VBRI header tells it, else size over the bit rate. */
export async function readMp3Header(reader: MediaReader): Promise<MediaFacts> {
  const start = await afterId3(reader)
  const bytes = await reader.upTo(start, 8_192)
  for (let at = 0; at + 4 <= bytes.length; at++) {
    const frame = readFrame(bytes, at)
    if (frame === undefined) continue
    const { rate, bitrate, samples, sideBytes } = frame
    const frames = framesTold(bytes, at, sideBytes)
    if (frames !== undefined) return durationOf(frames * samples, rate)
    return durationOf((reader.sizeBytes - start - at) * 8, bitrate)
  }
  throw new MediaUnreadable('no frame of MP3')
}

async function afterId3(reader: MediaReader): Promise<number> {
  const head = await reader.upTo(0, 10)
  if (head.length < 10 || head.toString('latin1', 0, 3) !== 'ID3') return 0
  const size = head.subarray(6).reduce((sum, byte) => sum * 128 + (byte & 0x7f), 0)
  return Math.min(reader.sizeBytes, 10 + size)
}

function readFrame(bytes: Buffer, at: number) {
  const head = bytes.readUInt32BE(at)
  // Eleven bits of sync, layer III.
  if (head >>> 21 !== 0x7ff || ((head >>> 17) & 3) !== 1) return undefined
  const version = (head >>> 19) & 3
  const bitrateIndex = (head >>> 12) & 15
  const rateIndex = (head >>> 10) & 3
  const base = rates[rateIndex]
  const isFirst = version === 3
  const kilobits = (isFirst ? bitrates.first : bitrates.second)[bitrateIndex] ?? 0
  if (version === 1 || base === undefined || kilobits === 0) return undefined
  const mono = ((head >>> 6) & 3) === 3
  return {
    rate: base / (isFirst ? 1 : version === 2 ? 2 : 4),
    bitrate: kilobits * 1000,
    samples: isFirst ? 1152 : 576,
    sideBytes: isFirst ? (mono ? 17 : 32) : mono ? 9 : 17,
  }
}

function framesTold(bytes: Buffer, at: number, sideBytes: number): number | undefined {
  const xing = at + 4 + sideBytes
  const mark = bytes.toString('latin1', xing, xing + 4)
  if ((mark === 'Xing' || mark === 'Info') && xing + 12 <= bytes.length) {
    return ((bytes[xing + 7] ?? 0) & 1) === 1 ? bytes.readUInt32BE(xing + 8) : undefined
  }
  const vbri = at + 36
  const told = bytes.toString('latin1', vbri, vbri + 4) === 'VBRI' && vbri + 18 <= bytes.length
  return told ? bytes.readUInt32BE(vbri + 14) : undefined
}

function durationOf(units: number, unitsPerSecond: number): MediaFacts {
  if (unitsPerSecond <= 0) throw new MediaUnreadable('no rate')
  return { durationMs: (units / unitsPerSecond) * 1000 }
}
