import { ProtocolViolation } from '../violation.ts'
import { chunkKinds, type SctpChunk, type SctpParameter } from './chunk.ts'
import { crc32c } from './crc32c.ts'

export interface SctpPacket {
  readonly sourcePort: number
  readonly destinationPort: number
  readonly verificationTag: number
  readonly chunks: readonly SctpChunk[]
}

const kinds = new Map<number, SctpChunk['type']>(
  Object.entries(chunkKinds).map(([name, kind]) => [kind, name as SctpChunk['type']]),
)

/**
 * Reads an SCTP packet (RFC 9260, section 3). Payloads are views into it. Of chunks nobody knows the two highest bits
 * say whether the rest still counts. @throws ProtocolViolation
 */
export function parseSctp(bytes: Uint8Array): SctpPacket {
  if (bytes.length < 16) throw new ProtocolViolation('sctp', `packet of ${bytes.length} bytes`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const checksum = view.getUint32(8, true)
  const zeroed = Uint8Array.from(bytes)
  zeroed.fill(0, 8, 12)
  if (crc32c(zeroed) !== checksum) throw new ProtocolViolation('sctp', 'wrong checksum')
  const chunks: SctpChunk[] = []
  for (let at = 12; at < bytes.length; ) {
    if (at + 4 > bytes.length) throw new ProtocolViolation('sctp', 'cut chunk', { offset: at })
    const kind = view.getUint8(at)
    const length = view.getUint16(at + 2)
    if (length < 4 || at + length > bytes.length) {
      throw new ProtocolViolation('sctp', `chunk of ${length} bytes`, { offset: at })
    }
    const type = kinds.get(kind)
    if (type === undefined && kind < 0x80) break
    if (type !== undefined) chunks.push(parseChunk(type, bytes.subarray(at, at + length)))
    at += (length + 3) & ~3
  }
  return {
    sourcePort: view.getUint16(0),
    destinationPort: view.getUint16(2),
    verificationTag: view.getUint32(4),
    chunks,
  }
}

function parseChunk(type: SctpChunk['type'], bytes: Uint8Array): SctpChunk {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const flags = view.getUint8(1)
  const need = (size: number): void => {
    if (bytes.length < size) throw new ProtocolViolation('sctp', `${type} chunk of ${bytes.length} bytes`)
  }
  switch (type) {
    case 'data':
      need(17)
      return {
        type,
        tsn: view.getUint32(4),
        stream: view.getUint16(8),
        sequence: view.getUint16(10),
        protocol: view.getUint32(12),
        ending: (flags & 1) !== 0,
        beginning: (flags & 2) !== 0,
        unordered: (flags & 4) !== 0,
        immediate: (flags & 8) !== 0,
        payload: bytes.subarray(16),
      }
    case 'init':
    case 'init-ack':
      need(20)
      return {
        type,
        tag: view.getUint32(4),
        window: view.getUint32(8),
        outboundStreams: view.getUint16(12),
        inboundStreams: view.getUint16(14),
        initialTsn: view.getUint32(16),
        parameters: parseParameters(bytes.subarray(20)),
      }
    case 'sack': {
      need(16)
      const [gapCount, duplicateCount] = [view.getUint16(12), view.getUint16(14)]
      need(16 + (gapCount + duplicateCount) * 4)
      const duplicatesAt = 16 + gapCount * 4
      return {
        type,
        cumulative: view.getUint32(4),
        window: view.getUint32(8),
        gaps: Array.from({ length: gapCount }, (_, index) => [
          view.getUint16(16 + index * 4),
          view.getUint16(18 + index * 4),
        ]),
        duplicates: Array.from({ length: duplicateCount }, (_, index) =>
          view.getUint32(duplicatesAt + index * 4),
        ),
      }
    }
    case 'forward-tsn':
      need(8)
      return {
        type,
        cumulative: view.getUint32(4),
        streams: Array.from({ length: (bytes.length - 8) >> 2 }, (_, index) => [
          view.getUint16(8 + index * 4),
          view.getUint16(10 + index * 4),
        ]),
      }
    case 'heartbeat':
    case 'heartbeat-ack':
      return { type, info: bytes.subarray(4) }
    case 'abort':
    case 'shutdown-complete':
      return { type, reflected: (flags & 1) !== 0 }
    case 'shutdown':
      need(8)
      return { type, cumulative: view.getUint32(4) }
    case 'cookie-echo':
      return { type, cookie: bytes.subarray(4) }
    case 'reconfig':
      return { type, parameters: parseParameters(bytes.subarray(4)) }
    case 'shutdown-ack':
    case 'cookie-ack':
    case 'error':
      return { type }
  }
}

function parseParameters(bytes: Uint8Array): SctpParameter[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const parameters: SctpParameter[] = []
  for (let at = 0; at + 4 <= bytes.length; ) {
    const length = view.getUint16(at + 2)
    if (length < 4 || at + length > bytes.length) throw new ProtocolViolation('sctp', 'unreadable parameter')
    parameters.push({ kind: view.getUint16(at), value: bytes.subarray(at + 4, at + length) })
    at += (length + 3) & ~3
  }
  return parameters
}
