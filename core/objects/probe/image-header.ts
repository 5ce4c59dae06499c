import type { MediaFacts } from '../object-rows.ts'
import { type MediaReader, MediaUnreadable } from './media-reader.ts'

const mostSegments = 2_000

/** Width and height as shown, from the header of a PNG, JPEG, GIF or WebP, whatever type it claims. */
export async function readImageHeader(reader: MediaReader): Promise<MediaFacts> {
  const start = await reader.upTo(0, 32)
  const ascii = start.toString('latin1')
  if (ascii.startsWith('\x89PNG\r\n\x1a\n') && ascii.slice(12, 16) === 'IHDR') {
    return sizeOf(start.readUInt32BE(16), start.readUInt32BE(20))
  }
  if (/^GIF8[79]a/.test(ascii)) return sizeOf(start.readUInt16LE(6), start.readUInt16LE(8))
  if (ascii.startsWith('RIFF') && ascii.slice(8, 12) === 'WEBP') return readWebp(start, ascii.slice(12, 16))
  if (ascii.startsWith('\xff\xd8\xff')) return readJpeg(reader)
  throw new MediaUnreadable('no picture that is known here')
}

/** RFC 9649, sections 2.5 to 2.7 and 3.4. */
function readWebp(start: Buffer, chunk: string): MediaFacts {
  if (chunk === 'VP8X') return sizeOf(start.readUIntLE(24, 3) + 1, start.readUIntLE(27, 3) + 1)
  if (chunk === 'VP8L') {
    const bits = start.readUInt32LE(21)
    return sizeOf((bits & 0x3fff) + 1, ((bits >>> 14) & 0x3fff) + 1)
  }
  if (chunk === 'VP8 ') return sizeOf(start.readUInt16LE(26) & 0x3fff, start.readUInt16LE(28) & 0x3fff)
  throw new MediaUnreadable('a WebP without a picture')
}

/** ITU-T T.81, annex B: segments up to the frame header, which tells the size. */
async function readJpeg(reader: MediaReader): Promise<MediaFacts> {
  let at = 2
  let turned = false
  for (let segment = 0; segment < mostSegments; segment++) {
    const head = await reader.bytes(at, 4)
    if (head[0] !== 0xff) break
    const marker = head[1] ?? 0
    if (marker === 0xff) {
      at += 1
      continue
    }
    if ((marker >= 0xd0 && marker <= 0xd7) || marker === 0x01) {
      at += 2
      continue
    }
    const length = head.readUInt16BE(2)
    if (length < 2 || marker === 0xd9 || marker === 0xda) break
    if (isFrameHeader(marker)) {
      const frame = await reader.bytes(at + 4, 5)
      const facts = sizeOf(frame.readUInt16BE(3), frame.readUInt16BE(1))
      return turned ? { width: facts.height, height: facts.width } : facts
    }
    if (marker === 0xe1) turned ||= isTurned(await reader.bytes(at + 4, length - 2))
    at += 2 + length
  }
  throw new MediaUnreadable('a JPEG without a frame')
}

function isFrameHeader(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc
}

/** Whether the EXIF orientation (tag 0x0112 of the first directory) lays the picture on its side. */
function isTurned(segment: Buffer): boolean {
  if (segment.toString('latin1', 0, 6) !== 'Exif\0\0') return false
  const tiff = segment.subarray(6)
  if (tiff.length < 8) return false
  const little = tiff.toString('latin1', 0, 2) === 'II'
  const short = (at: number) => (little ? tiff.readUInt16LE(at) : tiff.readUInt16BE(at))
  const directory = little ? tiff.readUInt32LE(4) : tiff.readUInt32BE(4)
  if (directory + 2 > tiff.length) return false
  const entries = Math.min(short(directory), Math.floor((tiff.length - directory - 2) / 12))
  for (let index = 0; index < entries; index++) {
    const entry = directory + 2 + index * 12
    if (short(entry) === 0x0112) return short(entry + 8) >= 5 && short(entry + 8) <= 8
  }
  return false
}

function sizeOf(width: number, height: number): { width: number; height: number } {
  if (width === 0 || height === 0) throw new MediaUnreadable('a picture of no size')
  return { width, height }
}
