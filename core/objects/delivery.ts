import type { IncomingHttpHeaders } from 'node:http'
import type { ByteRange } from './object-store.ts'

/** Shown in place by browsers and free of scripts. Everything else is saved, whatever it claims to be. */
const inlineTypes = new Set([
  'image/png',
  'image/jpeg',
  'image/gif',
  'image/webp',
  'image/avif',
  'audio/mpeg',
  'audio/mp4',
  'audio/aac',
  'audio/ogg',
  'audio/wav',
  'audio/webm',
  'audio/flac',
  'video/mp4',
  'video/webm',
  'video/ogg',
  'video/quicktime',
])

export interface DeliveredFile {
  name: string
  contentType: string
  sizeBytes: number
  sha256: string
  storedAt: Date
}

/** Headers that every answer with a file bears, so that nothing a user uploads runs in anybody's browser. */
export function fileHeaders(file: DeliveredFile, maxAgeMs: number): Record<string, string> {
  const inline = inlineTypes.has(file.contentType)
  return {
    'Content-Type': inline ? file.contentType : 'application/octet-stream',
    'Content-Disposition': contentDisposition(inline ? 'inline' : 'attachment', file.name),
    'Cache-Control': `private, max-age=${Math.max(0, Math.floor(maxAgeMs / 1000))}, immutable`,
    'Accept-Ranges': 'bytes',
    ETag: etagOf(file),
    'Last-Modified': file.storedAt.toUTCString(),
  }
}

/** RFC 6266, with an ASCII name for old readers and the whole one as RFC 8187 wants it. */
export function contentDisposition(kind: 'inline' | 'attachment', name: string): string {
  const ascii = name.replace(/[^\x20-\x7e]|["\\%;/]/g, '_')
  const encoded = encodeURIComponent(name.toWellFormed()).replace(
    /['()*!]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  return `${kind}; filename="${ascii}"; filename*=UTF-8''${encoded}`
}

function etagOf(file: DeliveredFile): string {
  return `"${file.sha256}"`
}

/** Whether the reader has these bytes already (RFC 9110, section 13.2.2). */
export function isFresh(headers: IncomingHttpHeaders, file: DeliveredFile): boolean {
  const tags = headers['if-none-match']
  if (tags !== undefined) {
    return tags
      .split(',')
      .some((tag) => tag.trim() === '*' || tag.trim().replace(/^W\//, '') === etagOf(file))
  }
  const since = Date.parse(headers['if-modified-since'] ?? '')
  return !Number.isNaN(since) && Math.floor(file.storedAt.getTime() / 1000) * 1000 <= since
}

export type RangeAnswer = { kind: 'whole' } | { kind: 'part'; range: ByteRange } | { kind: 'unsatisfiable' }

/**
 * Which bytes are asked for (RFC 9110, section 14.2). A malformed header, several ranges, and an If-Range that
 * names other bytes give the whole file, as the RFC permits.
 */
export function rangeOf(headers: IncomingHttpHeaders, file: DeliveredFile): RangeAnswer {
  const match = /^bytes=(\d*)-(\d*)$/.exec(headers.range?.trim() ?? '')
  if (match === null || !ifRangeHolds(headers['if-range'], file)) return { kind: 'whole' }
  const [first = '', last = ''] = [match[1], match[2]]
  if (first === '' && last === '') return { kind: 'whole' }
  const end = file.sizeBytes - 1
  if (first === '') {
    const length = Math.min(Number(last), file.sizeBytes)
    return length === 0
      ? { kind: 'unsatisfiable' }
      : { kind: 'part', range: { start: file.sizeBytes - length, end } }
  }
  const start = Number(first)
  if (last !== '' && Number(last) < start) return { kind: 'whole' }
  if (start > end) return { kind: 'unsatisfiable' }
  return { kind: 'part', range: { start, end: last === '' ? end : Math.min(Number(last), end) } }
}

function ifRangeHolds(header: string | string[] | undefined, file: DeliveredFile): boolean {
  if (header === undefined) return true
  return header === etagOf(file) || header === file.storedAt.toUTCString()
}
