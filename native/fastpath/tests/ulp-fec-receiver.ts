import { readRtp } from './simulation.ts'

/** What a receiver knows from SDP. */
export interface FecReceiverOptions {
  redPayloadType: number
  fecPayloadType: number
  /** Ids of header extensions that are written as a packet leaves, which protection does not know. */
  lateExtensions: readonly number[]
  /** Of what came before these many packets of protection nothing is brought back any more. Default: all are kept. */
  mostRows?: number
}

interface Row {
  readonly sequence: number
  readonly numbers: number[]
  readonly bytes: Buffer
  readonly headSize: number
  readonly ssrc: number
}

const header = 12

/**
 * A receiver of ULPFEC (RFC 5109) within RED (RFC 2198), written from these texts alone. It takes decrypted RTP packets of
 * one SSRC and brings back what is missing.
 */
export class UlpFecReceiver {
  readonly #options: FecReceiverOptions
  readonly #media = new Map<number, Buffer>()
  readonly #rows: Row[] = []
  readonly recovered: Buffer[] = []

  constructor(options: FecReceiverOptions) {
    this.#options = options
  }

  get rows(): readonly Row[] {
    return this.#rows
  }

  take(packet: Uint8Array): void {
    const { payloadType, sequence, ssrc } = readRtp(packet)
    const bytes = Buffer.from(packet)
    if (payloadType !== this.#options.redPayloadType) return
    const at = payloadAt(bytes)
    const block = bytes[at] ?? 0
    if (block >= 0x80) throw new Error('more than one block')
    const rest = bytes.subarray(at + 1)
    if (block === this.#options.fecPayloadType) {
      this.#rows.push(readRow({ sequence, ssrc }, rest))
      if (this.#rows.length > (this.#options.mostRows ?? Number.POSITIVE_INFINITY)) this.#rows.shift()
    } else {
      const head = bytes.subarray(0, at)
      head[1] = ((head[1] ?? 0) & 0x80) | block
      this.#media.set(sequence, this.#withoutLate(Buffer.concat([head, rest])))
    }
    while (this.#rows.some((row) => this.#recover(row)));
  }

  /** The packet as protection sees it. */
  seen(sequence: number): Buffer | undefined {
    return this.#media.get(sequence)
  }

  #recover(row: Row): boolean {
    const missing = row.numbers.filter((number) => !this.#media.has(number))
    const [number] = missing
    if (missing.length !== 1 || number === undefined) return false
    const { bytes, headSize, ssrc } = row
    const first = [bytes[0] ?? 0, bytes[1] ?? 0]
    let timestamp = bytes.readUInt32BE(4)
    let length = bytes.readUInt16BE(8)
    const body = Buffer.from(bytes.subarray(headSize, headSize + bytes.readUInt16BE(10)))
    for (const other of row.numbers) {
      const packet = this.#media.get(other)
      if (packet === undefined) continue
      first[0] = (first[0] ?? 0) ^ (packet[0] ?? 0)
      first[1] = (first[1] ?? 0) ^ (packet[1] ?? 0)
      timestamp = (timestamp ^ packet.readUInt32BE(4)) >>> 0
      length ^= packet.length - header
      for (let at = header; at < packet.length; at++) {
        body[at - header] = (body[at - header] ?? 0) ^ (packet[at] ?? 0)
      }
    }
    const found = Buffer.alloc(header + length)
    found[0] = 0x80 | ((first[0] ?? 0) & 0x3f)
    found[1] = first[1] ?? 0
    found.writeUInt16BE(number, 2)
    found.writeUInt32BE(timestamp, 4)
    found.writeUInt32BE(ssrc, 8)
    body.copy(found, header, 0, length)
    this.#media.set(number, found)
    this.recovered.push(found)
    return true
  }

  #withoutLate(packet: Buffer): Buffer {
    if (((packet[0] ?? 0) & 0x10) === 0) return packet
    const end = header + 4 + packet.readUInt16BE(header + 2) * 4
    for (let at = header + 4; at < end; ) {
      const id = (packet[at] ?? 0) >> 4
      const size = id === 0 ? 0 : ((packet[at] ?? 0) & 15) + 1
      if (this.#options.lateExtensions.includes(id)) packet.fill(0, at + 1, at + 1 + size)
      at += 1 + size
    }
    return packet
  }
}

function payloadAt(packet: Buffer): number {
  return ((packet[0] ?? 0) & 0x10) === 0 ? header : header + 4 + packet.readUInt16BE(header + 2) * 4
}

function readRow(of: { sequence: number; ssrc: number }, bytes: Buffer): Row {
  const isLong = ((bytes[0] ?? 0) & 0x40) !== 0
  const base = bytes.readUInt16BE(2)
  const mask = bytes.subarray(12, isLong ? 18 : 14)
  const numbers: number[] = []
  for (let bit = 0; bit < mask.length * 8; bit++) {
    if (((mask[bit >> 3] ?? 0) >> (7 - (bit % 8))) & 1) numbers.push((base + bit) & 0xffff)
  }
  return { ...of, numbers, bytes, headSize: isLong ? 18 : 14 }
}
