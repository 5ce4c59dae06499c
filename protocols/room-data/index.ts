import { ProtocolViolation } from '../violation.ts'

/** Labels of the two data channels that a server opens to each participant. */
export const roomDataLabels = { reliable: 'parley.reliable', lossy: 'parley.lossy' } as const

/** The longest header, as JSON in UTF-8. */
export const MAX_ROOM_DATA_HEADER = 8_192

export interface RoomDataFrame {
  /** A JSON object; what it may hold is written in the contracts. */
  readonly header: Readonly<Record<string, unknown>>
  /** A view into what was read. */
  readonly payload: Uint8Array
}

const version = 1
const prefix = 3

/**
 * What travels in one message of a room's data channels: version, length of the header in network order, header as JSON,
 * payload.
 */
export function serializeRoomData(header: object, payload: Uint8Array = new Uint8Array()): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(header))
  if (json.length > MAX_ROOM_DATA_HEADER) {
    throw new ProtocolViolation('room-data', `header of ${json.length} bytes`)
  }
  const bytes = new Uint8Array(prefix + json.length + payload.length)
  bytes.set([version, json.length >> 8, json.length & 0xff])
  bytes.set(json, prefix)
  bytes.set(payload, prefix + json.length)
  return bytes
}

/** @throws ProtocolViolation */
export function parseRoomData(bytes: Uint8Array): RoomDataFrame {
  if (bytes.length < prefix || bytes[0] !== version)
    throw new ProtocolViolation('room-data', 'unknown version')
  const length = ((bytes[1] ?? 0) << 8) | (bytes[2] ?? 0)
  if (length > MAX_ROOM_DATA_HEADER || prefix + length > bytes.length) {
    throw new ProtocolViolation('room-data', `header of ${length} bytes`)
  }
  let header: unknown
  try {
    header = JSON.parse(
      new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(prefix, prefix + length)),
    )
  } catch (cause) {
    throw new ProtocolViolation('room-data', 'unreadable header', { cause })
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header)) {
    throw new ProtocolViolation('room-data', 'the header is no object')
  }
  return { header: header as Record<string, unknown>, payload: bytes.subarray(prefix + length) }
}
