import { ProtocolViolation } from './violation.ts'

/** Reads big-endian fields from a byte range it does not own; running past the end is a ProtocolViolation. */
export class ByteReader {
  readonly bytes: Uint8Array
  readonly end: number
  readonly #protocol: string
  readonly #view: DataView
  #offset: number

  constructor(protocol: string, bytes: Uint8Array, start = 0, end = bytes.length) {
    this.#protocol = protocol
    this.bytes = bytes
    this.end = end
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#offset = start
  }

  get offset(): number {
    return this.#offset
  }

  get remaining(): number {
    return this.end - this.#offset
  }

  /** The error for input that is wrong here; the caller throws it. */
  violation(detail: string): ProtocolViolation {
    return new ProtocolViolation(this.#protocol, detail, { offset: this.#offset })
  }

  #advance(count: number): number {
    const start = this.#offset
    if (count > this.end - start) throw this.violation(`needs ${count} bytes, has ${this.end - start}`)
    this.#offset = start + count
    return start
  }

  u8(): number {
    return this.#view.getUint8(this.#advance(1))
  }

  u16(): number {
    return this.#view.getUint16(this.#advance(2))
  }

  i16(): number {
    return this.#view.getInt16(this.#advance(2))
  }

  u24(): number {
    const start = this.#advance(3)
    return this.#view.getUint16(start) * 256 + this.#view.getUint8(start + 2)
  }

  u32(): number {
    return this.#view.getUint32(this.#advance(4))
  }

  u48(): number {
    const start = this.#advance(6)
    return this.#view.getUint16(start) * 2 ** 32 + this.#view.getUint32(start + 2)
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#advance(8))
  }

  skip(count: number): void {
    this.#advance(count)
  }

  /** A view (no copy) of the next bytes; by default all that remain. */
  take(count = this.remaining): Uint8Array {
    const start = this.#advance(count)
    return this.bytes.subarray(start, start + count)
  }
}

/** Writes big-endian fields into a buffer that grows; `finish` hands the bytes over. */
export class ByteWriter {
  #bytes: Uint8Array
  #view: DataView
  #length = 0

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity)
    this.#view = new DataView(this.#bytes.buffer)
  }

  get length(): number {
    return this.#length
  }

  #reserve(count: number): number {
    const start = this.#length
    if (start + count > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#bytes.length * 2, start + count))
      grown.set(this.#bytes)
      this.#bytes = grown
      this.#view = new DataView(grown.buffer)
    }
    this.#length = start + count
    return start
  }

  u8(value: number): this {
    const start = this.#reserve(1)
    this.#view.setUint8(start, value)
    return this
  }

  u16(value: number): this {
    const start = this.#reserve(2)
    this.#view.setUint16(start, value)
    return this
  }

  u24(value: number): this {
    const start = this.#reserve(3)
    this.#view.setUint8(start, value >>> 16)
    this.#view.setUint16(start + 1, value)
    return this
  }

  u32(value: number): this {
    const start = this.#reserve(4)
    this.#view.setUint32(start, value)
    return this
  }

  u48(value: number): this {
    const start = this.#reserve(6)
    this.#view.setUint16(start, Math.floor(value / 2 ** 32))
    this.#view.setUint32(start + 2, value)
    return this
  }

  u64(value: bigint): this {
    const start = this.#reserve(8)
    this.#view.setBigUint64(start, value)
    return this
  }

  bytes(value: Uint8Array): this {
    const start = this.#reserve(value.length)
    this.#bytes.set(value, start)
    return this
  }

  zeros(count: number): this {
    const start = this.#reserve(count)
    this.#bytes.fill(0, start, start + count)
    return this
  }

  /** Overwrites two bytes already written: lengths are known only after the body. */
  patchU16(offset: number, value: number): void {
    this.#view.setUint16(offset, value)
  }

  /** A view of what was written; writing on may leave it behind. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }
}
