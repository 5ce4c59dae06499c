import type { Duplex } from 'node:stream'
import { WebSocket } from 'ws'
import type { Connection } from './connection.ts'
import { payloadOf } from './encoded-frame.ts'

const pingFrame = Buffer.from([0x89, 0x00])
const protocolErrors = { tooLarge: 1009, tooManyFragments: 1008, notUtf8: 1007 } as const

/** What a receiver of `ws` found wrong, where the peer is owed more than a bare close code. */
export type SocketViolation = 'frame-too-large' | 'invalid-json'

/**
 * The WebSocket of a connection. Data frames are made outside and written straight to the socket of the upgrade,
 * as all receivers of an event get the same bytes; `ws` reads, and does the closing.
 */
export class GatewaySocket extends WebSocket {
  connection: Connection | undefined
  transport: Duplex | undefined
  /** True when permessage-deflate was agreed on; then `ws` makes the frames. */
  compressed = false

  /** True when the next write would only grow the buffer of the process. */
  get blocked(): boolean {
    return (
      this.transport !== undefined && this.transport.writableLength >= this.transport.writableHighWaterMark
    )
  }

  /** Bytes handed over that the operating system has not taken. */
  get unsentBytes(): number {
    return this.compressed ? this.bufferedAmount : (this.transport?.writableLength ?? 0)
  }

  writeWire(wire: Buffer): void {
    if (this.readyState !== WebSocket.OPEN) return
    if (this.compressed) this.send(payloadOf(wire), { binary: false })
    else this.transport?.write(wire)
  }

  /** A control frame may stand between any two frames, so it needs no turn in the queue (RFC 6455, section 5.5). */
  writePing(): void {
    if (this.readyState === WebSocket.OPEN) this.transport?.write(pingFrame)
  }

  /**
   * `ws` closes by itself, and without data, when a message is too large, in too many fragments, or not UTF-8. The
   * connection gets to say why before the close frame.
   */
  override close(code?: number, data?: string | Buffer): void {
    const violation = data === undefined ? violationOf(code) : undefined
    if (violation !== undefined && this.connection !== undefined) this.connection.violated(violation)
    else super.close(code, data)
  }
}

function violationOf(code: number | undefined): SocketViolation | undefined {
  if (code === protocolErrors.tooLarge || code === protocolErrors.tooManyFragments) return 'frame-too-large'
  if (code === protocolErrors.notUtf8) return 'invalid-json'
  return undefined
}
