import type { MediaFacts } from '../object-rows.ts'
import { type MediaReader, MediaUnreadable } from './media-reader.ts'

interface Box {
  type: string
  /** Where its content begins and ends. */
  start: number
  end: number
}

const mostBoxes = 2_000

/** Duration and size of MP4, QuickTime and M4A (ISO/IEC 14496-12): `moov/mvhd`, `moov/trak/tkhd`, `moov/mvex/mehd`. */
export async function readMp4Header(reader: MediaReader): Promise<MediaFacts> {
  const left = { boxes: mostBoxes }
  const moov = await childOf(reader, { type: '', start: 0, end: reader.sizeBytes }, 'moov', left)
  if (moov === undefined) throw new MediaUnreadable('no moov')
  let facts: MediaFacts = {}
  let scale = 0
  let units = 0
  for await (const box of boxesOf(reader, moov, left)) {
    if (box.type === 'mvhd') [scale, units] = await readMvhd(reader, box)
    if (box.type === 'mvex') {
      const mehd = await childOf(reader, box, 'mehd', left)
      if (mehd !== undefined && units === 0) units = await readMehd(reader, mehd)
    }
    if (box.type === 'trak' && facts.width === undefined) {
      const tkhd = await childOf(reader, box, 'tkhd', left)
      if (tkhd !== undefined) facts = { ...facts, ...(await readTkhd(reader, tkhd)) }
    }
  }
  return scale > 0 && units > 0 ? { ...facts, durationMs: (units / scale) * 1000 } : facts
}

async function* boxesOf(reader: MediaReader, parent: Box, left: { boxes: number }): AsyncGenerator<Box> {
  for (let at = parent.start; at + 8 <= parent.end; ) {
    if (left.boxes-- === 0) throw new MediaUnreadable('too many boxes')
    const head = await reader.bytes(at, 8)
    const type = head.toString('latin1', 4, 8)
    let size = head.readUInt32BE(0)
    let headBytes = 8
    if (size === 1) {
      size = Number((await reader.bytes(at + 8, 8)).readBigUInt64BE(0))
      headBytes = 16
    } else if (size === 0) size = parent.end - at
    if (size < headBytes || at + size > parent.end) throw new MediaUnreadable('a box of a wrong size')
    yield { type, start: at + headBytes, end: at + size }
    at += size
  }
}

async function childOf(
  reader: MediaReader,
  parent: Box,
  type: string,
  left: { boxes: number },
): Promise<Box | undefined> {
  for await (const box of boxesOf(reader, parent, left)) if (box.type === type) return box
  return undefined
}

async function readMvhd(reader: MediaReader, { start }: Box): Promise<[number, number]> {
  const bytes = await reader.bytes(start, 20)
  if (bytes[0] === 0) return [bytes.readUInt32BE(12), knownDuration(bytes.readUInt32BE(16), 0xffffffff)]
  const long = await reader.bytes(start, 32)
  return [long.readUInt32BE(20), knownDuration(Number(long.readBigUInt64BE(24)), 2 ** 64)]
}

async function readMehd(reader: MediaReader, { start }: Box): Promise<number> {
  const [version] = await reader.bytes(start, 1)
  const bytes = await reader.bytes(start + 4, version === 0 ? 4 : 8)
  return version === 0 ? bytes.readUInt32BE(0) : Number(bytes.readBigUInt64BE(0))
}

/** All ones: unknown. */
function knownDuration(units: number, unknown: number): number {
  return units >= unknown ? 0 : units
}

/** Size as shown: sides change places when the matrix turns the picture by a quarter. */
async function readTkhd(reader: MediaReader, { start }: Box): Promise<MediaFacts> {
  const [version] = await reader.bytes(start, 1)
  const matrix = await reader.bytes(start + (version === 0 ? 40 : 52), 44)
  const width = Math.round(matrix.readUInt32BE(36) / 65_536)
  const height = Math.round(matrix.readUInt32BE(40) / 65_536)
  if (width === 0 || height === 0) return {}
  const turned = matrix.readInt32BE(0) === 0 && matrix.readInt32BE(16) === 0
  return turned ? { width: height, height: width } : { width, height }
}
