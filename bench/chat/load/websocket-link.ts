import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'

export interface WebSocketTarget {
  host: string
  port: number
  path: string
  protocol: string
}

export interface LinkHandlers {
  /** The bytes are valid during the call only. */
  onText(payload: Buffer): void
  onClosed(): void
}

interface Opening {
  resolve(link: WebSocketLink): void
  reject(error: Error): void
}

/** All links read into one buffer: a load generator has thousands, and each chunk is taken before the next read. */
const readBuffer = Buffer.allocUnsafeSlow(256 * 1024)

/**
 * The client side of RFC 6455 as far as a load generator needs it: unfragmented text, ping, close. Its mask is zero,
 * so that a frame is written as it stands; the server undoes it like any other.
 */
export class WebSocketLink {
  readonly #socket: Socket
  readonly #handlers: LinkHandlers
  readonly #opened: Opening
  #head = ''
  #open = false
  #closed = false
  /** Bytes of a header that came in two chunks. */
  #header: Buffer | undefined
  /** A frame that is not whole yet. */
  #partial: { opcode: number; payload: Buffer; filled: number } | undefined

  private constructor(target: WebSocketTarget, handlers: LinkHandlers, opened: Opening) {
    this.#handlers = handlers
    this.#opened = opened
    const { host, port, path, protocol } = target
    this.#socket = connect({
      host,
      port,
      noDelay: true,
      onread: {
        buffer: readBuffer,
        callback: (size, buffer) => {
          this.#take(Buffer.from(buffer.buffer, buffer.byteOffset, size))
          return true
        },
      },
    })
    this.#socket.on('error', (error) => this.#opened.reject(error))
    this.#socket.on('close', () => this.#end())
    this.#socket.write(
      `GET ${path} HTTP/1.1\r\nHost: ${host}:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\nSec-WebSocket-Version: 13\r\n` +
        `Sec-WebSocket-Protocol: ${protocol}\r\n\r\n`,
    )
  }

  static open(target: WebSocketTarget, handlers: LinkHandlers): Promise<WebSocketLink> {
    return new Promise((resolve, reject) => {
      new WebSocketLink(target, handlers, { resolve, reject })
    })
  }

  send(text: string): void {
    this.#write(1, Buffer.from(text))
  }

  /** Cuts the connection without a closing handshake, as a lost network does. */
  terminate(): void {
    this.#socket.destroy()
  }

  #write(opcode: number, payload: Buffer): void {
    if (this.#closed) return
    const length = payload.length
    const header = Buffer.alloc(length < 126 ? 6 : length < 65_536 ? 8 : 14)
    header[0] = 0x80 | opcode
    if (length < 126) header[1] = 0x80 | length
    else if (length < 65_536) {
      header[1] = 0x80 | 126
      header.writeUInt16BE(length, 2)
    } else {
      header[1] = 0x80 | 127
      header.writeBigUInt64BE(BigInt(length), 2)
    }
    this.#socket.write(Buffer.concat([header, payload]))
  }

  #take(chunk: Buffer): void {
    if (this.#open) this.#takeFrames(chunk)
    else this.#takeHead(chunk)
  }

  #takeHead(chunk: Buffer): void {
    this.#head += chunk.toString('latin1')
    const end = this.#head.indexOf('\r\n\r\n')
    if (end === -1) return
    if (!this.#head.startsWith('HTTP/1.1 101')) {
      this.#opened.reject(new Error(`the server refused the upgrade: ${this.#head.slice(0, 200)}`))
      this.#socket.destroy()
      return
    }
    this.#open = true
    const rest = Buffer.from(this.#head.slice(end + 4), 'latin1')
    this.#head = ''
    this.#opened.resolve(this)
    if (rest.length > 0) this.#takeFrames(rest)
  }

  #takeFrames(chunk: Buffer): void {
    let bytes = chunk
    if (this.#header !== undefined) {
      bytes = Buffer.concat([this.#header, chunk])
      this.#header = undefined
    }
    let at = 0
    while (at < bytes.length && !this.#closed) {
      if (this.#partial !== undefined) at = this.#fill(this.#partial, bytes, at)
      else {
        const next = this.#takeFrame(bytes, at)
        if (next === undefined) {
          this.#header = Buffer.from(bytes.subarray(at))
          return
        }
        at = next
      }
    }
  }

  #fill(partial: { opcode: number; payload: Buffer; filled: number }, bytes: Buffer, at: number): number {
    const copied = bytes.copy(partial.payload, partial.filled, at)
    partial.filled += copied
    if (partial.filled === partial.payload.length) {
      this.#partial = undefined
      this.#handle(partial.opcode, partial.payload)
    }
    return at + copied
  }

  /** Where the next frame begins; undefined when the header is not whole. */
  #takeFrame(bytes: Buffer, at: number): number | undefined {
    const rest = bytes.length - at
    if (rest < 2) return undefined
    const short = (bytes[at + 1] ?? 0) & 0x7f
    const headerBytes = short === 127 ? 10 : short === 126 ? 4 : 2
    if (rest < headerBytes) return undefined
    const length =
      short === 127
        ? Number(bytes.readBigUInt64BE(at + 2))
        : short === 126
          ? bytes.readUInt16BE(at + 2)
          : short
    const opcode = (bytes[at] ?? 0) & 0x0f
    const begin = at + headerBytes
    if (bytes.length - begin >= length) {
      this.#handle(opcode, bytes.subarray(begin, begin + length))
      return begin + length
    }
    const payload = Buffer.allocUnsafe(length)
    this.#partial = { opcode, payload, filled: bytes.copy(payload, 0, begin) }
    return bytes.length
  }

  #handle(opcode: number, payload: Buffer): void {
    if (opcode === 1) this.#handlers.onText(payload)
    else if (opcode === 9) this.#write(10, Buffer.from(payload))
    else if (opcode === 8) this.#socket.destroy()
  }

  #end(): void {
    if (this.#closed) return
    this.#closed = true
    this.#opened.reject(new Error('the connection was closed'))
    this.#handlers.onClosed()
  }
}
