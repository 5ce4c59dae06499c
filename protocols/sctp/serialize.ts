import { chunkKinds, type SctpChunk, type SctpParameter } from './chunk.ts'
import { crc32c } from './crc32c.ts'
import type { SctpPacket } from './parse.ts'

/** Bytes a chunk takes in a packet, padding included. */
export function sctpChunkSize(chunk: SctpChunk): number {
  return (bodySize(chunk) + 4 + 3) & ~3
}

/** Writes a packet with its checksum. How long it may become is the caller's concern. */
export function serializeSctp({
  sourcePort,
  destinationPort,
  verificationTag,
  chunks,
}: SctpPacket): Uint8Array {
  const bytes = new Uint8Array(chunks.reduce((size, chunk) => size + sctpChunkSize(chunk), 12))
  const view = new DataView(bytes.buffer)
  view.setUint16(0, sourcePort)
  view.setUint16(2, destinationPort)
  view.setUint32(4, verificationTag)
  let at = 12
  for (const chunk of chunks) {
    view.setUint8(at, chunkKinds[chunk.type])
    view.setUint8(at + 1, flagsOf(chunk))
    view.setUint16(at + 2, bodySize(chunk) + 4)
    writeBody(chunk, bytes, view, at + 4)
    at += sctpChunkSize(chunk)
  }
  view.setUint32(8, crc32c(bytes), true)
  return bytes
}

function bodySize(chunk: SctpChunk): number {
  switch (chunk.type) {
    case 'data':
      return 12 + chunk.payload.length
    case 'init':
    case 'init-ack':
      return 16 + parametersSize(chunk.parameters)
    case 'sack':
      return 12 + (chunk.gaps.length + chunk.duplicates.length) * 4
    case 'forward-tsn':
      return 4 + chunk.streams.length * 4
    case 'heartbeat':
    case 'heartbeat-ack':
      return chunk.info.length
    case 'shutdown':
      return 4
    case 'cookie-echo':
      return chunk.cookie.length
    case 'reconfig':
      return parametersSize(chunk.parameters)
    default:
      return 0
  }
}

function flagsOf(chunk: SctpChunk): number {
  switch (chunk.type) {
    case 'data': {
      const { ending, beginning, unordered, immediate } = chunk
      return Number(ending) | (Number(beginning) << 1) | (Number(unordered) << 2) | (Number(immediate) << 3)
    }
    case 'abort':
    case 'shutdown-complete':
      return Number(chunk.reflected)
    default:
      return 0
  }
}

function writeBody(chunk: SctpChunk, bytes: Uint8Array, view: DataView, at: number): void {
  switch (chunk.type) {
    case 'data':
      view.setUint32(at, chunk.tsn)
      view.setUint16(at + 4, chunk.stream)
      view.setUint16(at + 6, chunk.sequence)
      view.setUint32(at + 8, chunk.protocol)
      bytes.set(chunk.payload, at + 12)
      return
    case 'init':
    case 'init-ack':
      view.setUint32(at, chunk.tag)
      view.setUint32(at + 4, chunk.window)
      view.setUint16(at + 8, chunk.outboundStreams)
      view.setUint16(at + 10, chunk.inboundStreams)
      view.setUint32(at + 12, chunk.initialTsn)
      writeParameters(chunk.parameters, bytes, view, at + 16)
      return
    case 'sack': {
      view.setUint32(at, chunk.cumulative)
      view.setUint32(at + 4, chunk.window)
      view.setUint16(at + 8, chunk.gaps.length)
      view.setUint16(at + 10, chunk.duplicates.length)
      let next = at + 12
      for (const pair of chunk.gaps) next = writePair(pair, view, next)
      for (const tsn of chunk.duplicates) {
        view.setUint32(next, tsn)
        next += 4
      }
      return
    }
    case 'forward-tsn': {
      view.setUint32(at, chunk.cumulative)
      let next = at + 4
      for (const pair of chunk.streams) next = writePair(pair, view, next)
      return
    }
    case 'heartbeat':
    case 'heartbeat-ack':
      bytes.set(chunk.info, at)
      return
    case 'shutdown':
      view.setUint32(at, chunk.cumulative)
      return
    case 'cookie-echo':
      bytes.set(chunk.cookie, at)
      return
    case 'reconfig':
      writeParameters(chunk.parameters, bytes, view, at)
      return
    default:
      return
  }
}

function writePair([first, second]: readonly [number, number], view: DataView, at: number): number {
  view.setUint16(at, first)
  view.setUint16(at + 2, second)
  return at + 4
}

/** The last parameter's padding is not counted in the chunk (RFC 9260, section 3.2.1). */
function parametersSize(parameters: readonly SctpParameter[]): number {
  return parameters.reduce((size, { value }) => ((size + 3) & ~3) + 4 + value.length, 0)
}

function writeParameters(
  parameters: readonly SctpParameter[],
  bytes: Uint8Array,
  view: DataView,
  start: number,
): void {
  let at = start
  for (const { kind, value } of parameters) {
    view.setUint16(at, kind)
    view.setUint16(at + 2, value.length + 4)
    bytes.set(value, at + 4)
    at += (value.length + 4 + 3) & ~3
  }
}
