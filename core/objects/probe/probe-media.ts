import { AppError } from '@parley/contracts'
import type { MediaFacts } from '../object-rows.ts'
import { readFlacHeader, readMp3Header, readOggHeader, readWavHeader } from './audio-header.ts'
import { readImageHeader } from './image-header.ts'
import { type ByteSource, MediaReader } from './media-reader.ts'
import { readMp4Header } from './mp4-header.ts'
import { readWebmHeader } from './webm-header.ts'

const mostPixels = 1_000_000
const mostMs = 10 * 365 * 86_400_000

/**
 * What the header of a file that claims to be a picture, a sound or a film tells. The bytes decide what it is, not its
 * claim. Undefined for all else and for whatever cannot be read: a file is stored all the same. Throws only what the
 * source throws as AppError.
 */
export async function probeMedia(contentType: string, source: ByteSource): Promise<MediaFacts | undefined> {
  const kind = /^(image|audio|video)\//.exec(contentType)?.[1]
  if (kind === undefined) return undefined
  const reader = new MediaReader(source)
  try {
    return plausible(await (kind === 'image' ? readImageHeader(reader) : readSoundOrFilm(reader)))
  } catch (error) {
    if (error instanceof AppError) throw error
    return undefined
  }
}

async function readSoundOrFilm(reader: MediaReader): Promise<MediaFacts> {
  const start = await reader.upTo(0, 12)
  const ascii = start.toString('latin1')
  if (ascii.startsWith('RIFF') && ascii.slice(8, 12) === 'WAVE') return readWavHeader(reader)
  if (ascii.startsWith('OggS')) return readOggHeader(reader)
  if (ascii.startsWith('fLaC')) return readFlacHeader(reader)
  if (ascii.startsWith('\x1a\x45\xdf\xa3')) return readWebmHeader(reader)
  if (/^(ftyp|moov|mdat|wide|free|skip)$/.test(ascii.slice(4, 8))) return readMp4Header(reader)
  return readMp3Header(reader)
}

/** Numbers that no real file has are left out. */
function plausible({ width, height, durationMs }: MediaFacts): MediaFacts | undefined {
  const facts: MediaFacts = {}
  if (isWithin(width, mostPixels) && isWithin(height, mostPixels)) Object.assign(facts, { width, height })
  if (isWithin(durationMs, mostMs)) facts.durationMs = Math.round(durationMs)
  return Object.keys(facts).length === 0 ? undefined : facts
}

function isWithin(value: number | undefined, most: number): value is number {
  return value !== undefined && Number.isFinite(value) && value > 0 && value <= most
}
