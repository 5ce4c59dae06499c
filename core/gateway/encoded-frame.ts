import type { ServerEvent } from '@parley/contracts'

const finalText = 0x81
const comma = 0x2c
const openArray = 0x5b
const closeArray = 0x5d

/**
 * An event in the bytes of its WebSocket frame (RFC 6455, section 5.2: final, text, unmasked), made once and written
 * to every receiver of a fan-out. Immutable.
 */
export class EncodedFrame {
  readonly type: string
  /** Header and payload. */
  readonly wire: Buffer
  readonly headerBytes: number

  constructor(event: ServerEvent) {
    this.type = event.type
    const json = JSON.stringify(event)
    const payloadBytes = Buffer.byteLength(json)
    this.headerBytes = headerSize(payloadBytes)
    // Not from the shared pool: a frame that waits for a slow reader would keep its neighbours in memory.
    this.wire = Buffer.allocUnsafeSlow(this.headerBytes + payloadBytes)
    writeHeader(this.wire, payloadBytes)
    this.wire.write(json, this.headerBytes)
  }

  /** JSON in UTF-8. */
  get payload(): Buffer {
    return this.wire.subarray(this.headerBytes)
  }

  get payloadBytes(): number {
    return this.wire.length - this.headerBytes
  }
}

/** What waits to be written: shared events, and JSON that only one connection gets. */
export type Outgoing = EncodedFrame | string

export function sizeOf(item: Outgoing): number {
  return typeof item === 'string' ? Buffer.byteLength(item) : item.payloadBytes
}

/** One WebSocket frame: the object itself, or an array of all of them. `items` is not empty. */
export function wireOf(items: readonly Outgoing[]): Buffer {
  const [first] = items
  if (items.length === 1 && first !== undefined)
    return typeof first === 'string' ? wireOfJson(first) : first.wire
  let payloadBytes = items.length + 1
  for (const item of items) payloadBytes += sizeOf(item)
  const headerBytes = headerSize(payloadBytes)
  const wire = Buffer.allocUnsafe(headerBytes + payloadBytes)
  writeHeader(wire, payloadBytes)
  let at = headerBytes
  for (const item of items) {
    wire[at] = at === headerBytes ? openArray : comma
    at++
    if (typeof item === 'string') at += wire.write(item, at)
    else at += item.wire.copy(wire, at, item.headerBytes)
  }
  wire[at] = closeArray
  return wire
}

/** The payload of a frame that `wireOf` made. */
export function payloadOf(wire: Buffer): Buffer {
  const length = (wire[1] ?? 0) & 0x7f
  return wire.subarray(length === 127 ? 10 : length === 126 ? 4 : 2)
}

function wireOfJson(json: string): Buffer {
  const payloadBytes = Buffer.byteLength(json)
  const headerBytes = headerSize(payloadBytes)
  const wire = Buffer.allocUnsafe(headerBytes + payloadBytes)
  writeHeader(wire, payloadBytes)
  wire.write(json, headerBytes)
  return wire
}

function headerSize(payloadBytes: number): number {
  return payloadBytes < 126 ? 2 : payloadBytes < 65_536 ? 4 : 10
}

function writeHeader(wire: Buffer, payloadBytes: number): void {
  wire[0] = finalText
  if (payloadBytes < 126) wire[1] = payloadBytes
  else if (payloadBytes < 65_536) {
    wire[1] = 126
    wire.writeUInt16BE(payloadBytes, 2)
  } else {
    wire[1] = 127
    wire.writeBigUInt64BE(BigInt(payloadBytes), 2)
  }
}
