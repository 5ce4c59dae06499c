import type { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'

/** A line, and where the next begins in what was unpacked. */
export interface ImportedLine {
  text: string
  endOffset: number
}

/** Longer lines are not read: their beginning is handed out, which is no JSON. */
const longestLine = 1_000_000

/**
 * Lines of a stored file from an offset on, plain or gzip. Packed files are unpacked from their beginning, as there is no
 * other way into them.
 */
export async function* readImportLines(
  open: (range?: { start: number; end: number }) => Promise<Readable>,
  sizeBytes: number,
  offset: number,
): AsyncGenerator<ImportedLine> {
  if (sizeBytes === 0) return
  const head = await open({ start: 0, end: Math.min(1, sizeBytes - 1) })
  const magic = Buffer.concat(await head.toArray())
  const packed = magic[0] === 0x1f && magic[1] === 0x8b
  if (!packed && offset >= sizeBytes) return
  const raw = await open(packed || offset === 0 ? undefined : { start: offset, end: sizeBytes - 1 })
  const source = packed ? raw.pipe(createGunzip()) : raw
  // A pipe hands on what was read, and not what went wrong.
  if (packed) raw.once('error', (error) => source.destroy(error))
  try {
    yield* splitLines(source, packed ? offset : 0, packed ? 0 : offset)
  } finally {
    raw.destroy()
    source.destroy()
  }
}

/** Passes over the first `skip` bytes; `at` is the offset of the first byte that comes. */
async function* splitLines(
  source: AsyncIterable<Buffer>,
  skip: number,
  at: number,
): AsyncGenerator<ImportedLine> {
  let position = at
  let rest: Buffer[] = []
  let restBytes = 0
  let toSkip = skip
  const line = (): string => Buffer.concat(rest).subarray(0, longestLine).toString('utf8')
  for await (const chunk of source) {
    let from = 0
    if (toSkip > 0) {
      from = Math.min(toSkip, chunk.length)
      toSkip -= from
      position += from
    }
    for (let end = chunk.indexOf(10, from); end !== -1; end = chunk.indexOf(10, from)) {
      rest.push(chunk.subarray(from, end))
      position += end + 1 - from
      yield { text: line(), endOffset: position }
      rest = []
      restBytes = 0
      from = end + 1
    }
    const tail = chunk.subarray(from)
    position += tail.length
    if (restBytes < longestLine) rest.push(tail)
    restBytes += tail.length
  }
  if (restBytes > 0) yield { text: line(), endOffset: position }
}
