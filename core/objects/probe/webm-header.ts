import type { MediaFacts } from '../object-rows.ts'
import { type MediaReader, MediaUnreadable } from './media-reader.ts'

interface Element {
  id: number
  start: number
  end: number
}

const ids = {
  ebml: 0x1a45dfa3,
  segment: 0x18538067,
  info: 0x1549a966,
  timestampScale: 0x2ad7b1,
  duration: 0x4489,
  tracks: 0x1654ae6b,
  trackEntry: 0xae,
  video: 0xe0,
  pixelWidth: 0xb0,
  pixelHeight: 0xba,
  cluster: 0x1f43b675,
  timestamp: 0xe7,
  simpleBlock: 0xa3,
  blockGroup: 0xa0,
  block: 0xa1,
} as const

const mostElements = 5_000
const tailBytes = 1_048_576

/**
 * Duration and size of WebM and Matroska (RFC 9559). What browsers record live says no duration: then the time of the
 * last block in the last MiB of the file stands for it.
 */
export async function readWebmHeader(reader: MediaReader): Promise<MediaFacts> {
  const left = { elements: mostElements }
  const top = { id: 0, start: 0, end: reader.sizeBytes }
  let facts: MediaFacts = {}
  let scale = 1_000_000
  let duration: number | undefined
  const segment = await childOf(reader, top, ids.segment, left)
  if (segment === undefined) throw new MediaUnreadable('no segment')
  for await (const element of elementsOf(reader, segment, left)) {
    if (element.id === ids.cluster) break
    if (element.id === ids.info) [scale, duration] = await readInfo(reader, element, left)
    if (element.id === ids.tracks) facts = await readTracks(reader, element, left)
  }
  const units = duration ?? (await lastTime(reader))
  return units === undefined ? facts : { ...facts, durationMs: (units * scale) / 1_000_000 }
}

async function readInfo(
  reader: MediaReader,
  info: Element,
  left: Left,
): Promise<[number, number | undefined]> {
  let scale = 1_000_000
  let duration: number | undefined
  for await (const element of elementsOf(reader, info, left)) {
    if (element.id === ids.timestampScale) scale = await readUnsigned(reader, element)
    if (element.id !== ids.duration) continue
    const bytes = await reader.bytes(element.start, element.end - element.start === 4 ? 4 : 8)
    duration = bytes.length === 4 ? bytes.readFloatBE(0) : bytes.readDoubleBE(0)
  }
  return [scale, duration]
}

async function readTracks(reader: MediaReader, tracks: Element, left: Left): Promise<MediaFacts> {
  for await (const entry of elementsOf(reader, tracks, left)) {
    if (entry.id !== ids.trackEntry) continue
    const video = await childOf(reader, entry, ids.video, left)
    if (video === undefined) continue
    const width = await childOf(reader, video, ids.pixelWidth, left)
    const height = await childOf(reader, video, ids.pixelHeight, left)
    if (width === undefined || height === undefined) continue
    return { width: await readUnsigned(reader, width), height: await readUnsigned(reader, height) }
  }
  return {}
}

/** Timestamp of the last block, in units of the scale. Looks for clusters by their id. */
async function lastTime(reader: MediaReader): Promise<number | undefined> {
  const from = Math.max(0, reader.sizeBytes - tailBytes)
  const tail = await reader.upTo(from, tailBytes)
  const mark = Buffer.from([0x1f, 0x43, 0xb6, 0x75])
  const at = tail.lastIndexOf(mark)
  if (at < 0) return undefined
  const left = { elements: mostElements }
  const around = { id: 0, start: from + at, end: reader.sizeBytes }
  const cluster = await childOf(reader, around, ids.cluster, left)
  if (cluster === undefined) return undefined
  let base = 0
  let last = 0
  for await (const element of elementsOf(reader, cluster, left)) {
    if (element.id === ids.timestamp) base = await readUnsigned(reader, element)
    if (element.id === ids.simpleBlock) last = Math.max(last, await blockTime(reader, element))
    if (element.id === ids.blockGroup) {
      const block = await childOf(reader, element, ids.block, left)
      if (block !== undefined) last = Math.max(last, await blockTime(reader, block))
    }
  }
  return base + last
}

async function blockTime(reader: MediaReader, block: Element): Promise<number> {
  const track = await readVint(reader, block.start, false)
  return (await reader.bytes(block.start + track.length, 2)).readInt16BE(0)
}

interface Left {
  elements: number
}

async function* elementsOf(reader: MediaReader, parent: Element, left: Left): AsyncGenerator<Element> {
  for (let at = parent.start; at + 2 <= parent.end; ) {
    if (left.elements-- === 0) throw new MediaUnreadable('too many elements')
    const id = await readVint(reader, at, true)
    const size = await readVint(reader, at + id.length, false)
    const start = at + id.length + size.length
    // A size of all ones is unknown: the element goes on to the end of its parent, cut files likewise.
    const end = size.unknown ? parent.end : Math.min(parent.end, start + size.value)
    yield { id: id.value, start, end }
    at = end
  }
}

async function childOf(
  reader: MediaReader,
  parent: Element,
  id: number,
  left: Left,
): Promise<Element | undefined> {
  for await (const element of elementsOf(reader, parent, left)) if (element.id === id) return element
  return undefined
}

/** A number that tells its own length (RFC 8794, section 4). Ids keep their marker bit. */
async function readVint(
  reader: MediaReader,
  at: number,
  keepMarker: boolean,
): Promise<{ value: number; length: number; unknown: boolean }> {
  const [first = 0] = await reader.bytes(at, 1)
  const length = Math.clz32(first) - 23
  if (length > 8) throw new MediaUnreadable('a number of no length')
  const bytes = await reader.bytes(at, length)
  let value = keepMarker ? first : first & (0xff >> length)
  let unknown = (first & (0xff >> length)) === 0xff >> length
  for (const byte of bytes.subarray(1)) {
    value = value * 256 + byte
    unknown &&= byte === 0xff
  }
  return { value, length, unknown }
}

async function readUnsigned(reader: MediaReader, { start, end }: Element): Promise<number> {
  let value = 0
  for (const byte of await reader.bytes(start, Math.min(8, end - start))) value = value * 256 + byte
  return value
}
