import { ProtocolViolation } from '../violation.ts'

/** What opens a data channel (RFC 8832, section 5.1). */
export interface DataChannelOpen {
  readonly label: string
  readonly protocol: string
  readonly ordered: boolean
  readonly priority: number
  /** How often a message is sent again; both absent: until it arrives. */
  readonly maxRetransmits?: number
  readonly maxLifetimeMs?: number
}

export type DataChannelControl =
  | { readonly type: 'open'; readonly channel: DataChannelOpen }
  | { readonly type: 'ack' }

const openType = 3
const ackType = 2

/** Reads a message of the data channel establishment protocol. @throws ProtocolViolation */
export function parseDataChannelControl(bytes: Uint8Array): DataChannelControl {
  if (bytes[0] === ackType) return { type: 'ack' }
  if (bytes[0] !== openType || bytes.length < 12) throw new ProtocolViolation('dcep', 'unreadable message')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const kind = view.getUint8(1)
  const [labelSize, protocolSize] = [view.getUint16(8), view.getUint16(10)]
  if ((kind & 0x7f) > 2) throw new ProtocolViolation('dcep', `channel type ${kind}`)
  if (bytes.length < 12 + labelSize + protocolSize) throw new ProtocolViolation('dcep', 'cut message')
  const text = (from: number, size: number): string =>
    new TextDecoder().decode(bytes.subarray(from, from + size))
  return {
    type: 'open',
    channel: {
      label: text(12, labelSize),
      protocol: text(12 + labelSize, protocolSize),
      ordered: (kind & 0x80) === 0,
      priority: view.getUint16(2),
      ...((kind & 0x7f) === 1 && { maxRetransmits: view.getUint32(4) }),
      ...((kind & 0x7f) === 2 && { maxLifetimeMs: view.getUint32(4) }),
    },
  }
}

export function serializeDataChannelControl(control: DataChannelControl): Uint8Array {
  if (control.type === 'ack') return Uint8Array.of(ackType)
  const { label, protocol, ordered, priority, maxRetransmits, maxLifetimeMs } = control.channel
  const [labelBytes, protocolBytes] = [label, protocol].map((text) => new TextEncoder().encode(text)) as [
    Uint8Array,
    Uint8Array,
  ]
  const bytes = new Uint8Array(12 + labelBytes.length + protocolBytes.length)
  const view = new DataView(bytes.buffer)
  const reliability = maxRetransmits !== undefined ? 1 : maxLifetimeMs !== undefined ? 2 : 0
  view.setUint8(0, openType)
  view.setUint8(1, reliability | (ordered ? 0 : 0x80))
  view.setUint16(2, priority)
  view.setUint32(4, maxRetransmits ?? maxLifetimeMs ?? 0)
  view.setUint16(8, labelBytes.length)
  view.setUint16(10, protocolBytes.length)
  bytes.set(labelBytes, 12)
  bytes.set(protocolBytes, 12 + labelBytes.length)
  return bytes
}
