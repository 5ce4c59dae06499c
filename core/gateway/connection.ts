import { type CloseReason, closeCodes, type ErrorCode, errorCodes, type ServerEvent } from '@parley/contracts'
import { type Outgoing, sizeOf, wireOf } from './encoded-frame.ts'
import type { GatewaySocket, SocketViolation } from './gateway-socket.ts'
import { Meter } from './meter.ts'
import type { ClientSession } from './session.ts'
import type { SharedBatches } from './shared-batches.ts'
import type { WriteRounds, Writer } from './write-rounds.ts'

export type ConnectionPhase = 'waiting' | 'authenticating' | 'open' | 'ended'

/** Why a connection ended: a close of ours, the client went, or it fell silent. */
export type EndReason = CloseReason | 'left' | 'dead'

/** What a connection needs of the gateway it belongs to. */
export interface ConnectionHost {
  readonly rounds: WriteRounds
  /** Bytes in the queues of all connections. */
  readonly buffered: { bytes: number }
  readonly maxBufferedBytes: number
  readonly maxTotalBufferedBytes: number
  wrote(frames: number, bytes: number): void
  /** Called once, as soon as nothing more is read from or written to the connection. */
  ended(connection: Connection, reason: EndReason, wasOpen: boolean): void
}

export interface Ending {
  /** What `session.closing` names when it is more exact than the close reason. */
  code?: ErrorCode
  detail?: string
  retryAfterMs?: number
}

const crowdedBufferedBytes = 65_536
const maxBatchBytes = 131_072
const flushAboveBytes = 65_536

export interface ConnectionOptions {
  socket: GatewaySocket
  host: ConnectionHost
  remoteAddress: string
  addressGroup: string
}

/**
 * One WebSocket and what waits to be written to it. Shared frames wait by reference and are handed to the socket
 * only while it takes them, so that a reader that stalls costs little until it is given up.
 */
export class Connection implements Writer {
  readonly socket: GatewaySocket
  readonly remoteAddress: string
  readonly addressGroup: string
  readonly frameMeter = new Meter()
  readonly refusalMeter = new Meter()
  phase: ConnectionPhase = 'waiting'
  session: ClientSession | undefined
  /** Frames that came while the authentication ran. */
  held: unknown[] | undefined
  /** Handlers at work. */
  inFlight = 0
  /** In ticks of the heartbeat. */
  acceptedTick = 0
  lastSeenTick = 0
  /** Told to go; takes no more frames and ends when its handlers have answered. */
  leaving = false
  writeSlot = 0
  awaitsUrgentRound = false
  awaitsRound = false
  readonly #host: ConnectionHost
  #queue: Outgoing[] | undefined
  #queuedBytes = 0
  #awaitsDrain = false

  constructor(options: ConnectionOptions) {
    this.socket = options.socket
    this.#host = options.host
    this.remoteAddress = options.remoteAddress
    this.addressGroup = options.addressGroup
  }

  get ended(): boolean {
    return this.phase === 'ended'
  }

  /** Bytes that wait in this process to be written. */
  get bufferedBytes(): number {
    return this.#queuedBytes + this.socket.unsentBytes
  }

  /** Urgent is what somebody waits for: answers. A connection that reads too slowly is ended instead. */
  enqueue(item: Outgoing, urgent: boolean): void {
    if (this.ended) return
    if (this.bufferedBytes > this.#allowedBytes()) {
      this.end('slow-consumer')
      return
    }
    this.#push(item)
    const alone = this.#queue?.length === 1
    if (this.#queuedBytes > flushAboveBytes || (alone && this.#host.rounds.mayWriteNow(this))) {
      this.#host.rounds.flushNow(this)
    }
    if (this.#queue !== undefined && !this.#awaitsDrain) this.#host.rounds.ask(this, urgent)
  }

  flush(batches: SharedBatches): void {
    while (this.#queue !== undefined && !this.ended) {
      if (this.socket.blocked) {
        this.#awaitDrain()
        return
      }
      this.#write(this.#takeBatch(), batches)
    }
  }

  /** Says `session.closing` without closing yet. */
  announce(reason: CloseReason, ending: Ending = {}): void {
    if (this.ended || this.leaving) return
    this.leaving = true
    this.enqueue(closingEvent(reason, ending), true)
  }

  /** Says why, and closes. Idempotent. */
  end(reason: CloseReason, ending: Ending = {}): void {
    if (this.ended) return
    const wasOpen = this.phase === 'open'
    if (reason === 'slow-consumer') this.#discard()
    if (!this.leaving) this.#push(closingEvent(reason, ending))
    while (this.#queue !== undefined) this.#write(this.#takeBatch(), undefined)
    this.phase = 'ended'
    this.socket.close(closeCodes[reason], reason)
    this.#host.ended(this, reason, wasOpen)
  }

  /** For a socket that is gone or does not answer any more. */
  terminate(reason: 'left' | 'dead'): void {
    if (this.ended) return
    const wasOpen = this.phase === 'open'
    this.phase = 'ended'
    this.#discard()
    this.socket.terminate()
    this.#host.ended(this, reason, wasOpen)
  }

  violated(violation: SocketViolation): void {
    this.end(violation)
  }

  #allowedBytes(): number {
    const crowded = this.#host.buffered.bytes > this.#host.maxTotalBufferedBytes
    return crowded ? crowdedBufferedBytes : this.#host.maxBufferedBytes
  }

  #push(item: Outgoing): void {
    const bytes = sizeOf(item)
    if (this.#queue === undefined) this.#queue = [item]
    else this.#queue.push(item)
    this.#queuedBytes += bytes
    this.#host.buffered.bytes += bytes
  }

  /** Items off the front of the queue that make one frame of bounded size, at least one item. */
  #takeBatch(): Outgoing[] {
    const queue = this.#queue ?? []
    if (this.#queuedBytes <= maxBatchBytes) {
      this.#discard()
      return queue
    }
    let bytes = 0
    let count = 0
    for (const item of queue) {
      const size = sizeOf(item)
      if (count > 0 && bytes + size > maxBatchBytes) break
      bytes += size
      count++
    }
    if (count === queue.length) {
      this.#discard()
      return queue
    }
    this.#queue = queue.slice(count)
    this.#queuedBytes -= bytes
    this.#host.buffered.bytes -= bytes
    return queue.slice(0, count)
  }

  #write(items: readonly Outgoing[], batches: SharedBatches | undefined): void {
    const wire = batches === undefined ? wireOf(items) : batches.wireOf(items)
    this.socket.writeWire(wire)
    this.#host.wrote(items.length, wire.length)
  }

  #discard(): void {
    this.#host.buffered.bytes -= this.#queuedBytes
    this.#queuedBytes = 0
    this.#queue = undefined
  }

  #awaitDrain(): void {
    if (this.#awaitsDrain) return
    this.#awaitsDrain = true
    this.socket.transport?.once('drain', () => {
      this.#awaitsDrain = false
      if (this.#queue !== undefined && !this.ended) this.#host.rounds.ask(this, true)
    })
  }
}

function closingEvent(reason: CloseReason, ending: Ending): string {
  const code = ending.code ?? reason
  const event: ServerEvent = {
    type: 'session.closing',
    code,
    detail: ending.detail ?? errorCodes[code].title,
    retryable: errorCodes[code].retryable,
    ...(ending.retryAfterMs !== undefined && { retryAfterMs: ending.retryAfterMs }),
  }
  return JSON.stringify(event)
}
