import { connect, type Socket } from 'node:net'

/** All links read into one buffer: each chunk is taken before the next read. */
const readBuffer = Buffer.allocUnsafeSlow(256 * 1024)

export interface XmppLinkHandlers {
  /** The bytes are valid during the call only. */
  onBytes(chunk: Buffer): void
  onClosed(): void
}

/** A TCP connection of a load client, without a parser of XML: callers look for what they wait for. */
export class XmppLink {
  readonly #socket: Socket

  private constructor(socket: Socket) {
    this.#socket = socket
  }

  static open(port: number, handlers: XmppLinkHandlers): Promise<XmppLink> {
    return new Promise((resolve, reject) => {
      const socket = connect({
        host: '127.0.0.1',
        port,
        noDelay: true,
        onread: {
          buffer: readBuffer,
          callback: (size, buffer) => {
            handlers.onBytes(Buffer.from(buffer.buffer, buffer.byteOffset, size))
            return true
          },
        },
      })
      socket.once('connect', () => resolve(new XmppLink(socket)))
      socket.on('error', reject)
      socket.on('close', () => handlers.onClosed())
    })
  }

  write(text: string): void {
    this.#socket.write(text)
  }

  close(): void {
    this.#socket.destroy()
  }
}
