import { ProtocolViolation } from '../violation.ts'
import type { DataChunk, ForwardTsnChunk, SackChunk } from './chunk.ts'
import { ssnAfter, tsnAfter, tsnDistance, tsnPlus } from './serial.ts'

export interface SctpMessage {
  readonly stream: number
  readonly protocol: number
  readonly unordered: boolean
  /** Its own: nothing else holds these bytes. */
  readonly payload: Uint8Array
}

export interface InboundOptions {
  initialTsn: number
  /** Bytes that may wait for what is missing. */
  windowBytes: number
  maxMessageBytes: number
}

/** Pieces that wait for others, whatever their size; bounds the work that each new one can cause. */
const maxHeld = 4_096
const maxFragments = 512
const maxGaps = 64
const maxDuplicates = 16
/** Counted for each piece beside its payload, so that many tiny ones cannot hide behind a window of bytes. */
const pieceCost = 32

/**
 * What a peer sends, put in order again: pieces become messages, messages of a stream keep their sequence. Holds no more
 * than about twice its window, whatever arrives.
 */
export class SctpInbound {
  readonly #options: InboundOptions
  #cumulative: number
  /** Arrived beyond the cumulative number. */
  readonly #beyond = new Set<number>()
  readonly #held = new Map<number, DataChunk>()
  readonly #complete = new Map<number, Map<number, SctpMessage>>()
  readonly #nextSequence = new Map<number, number>()
  #duplicates: number[] = []
  #bytes = 0

  constructor(options: InboundOptions) {
    this.#options = options
    this.#cumulative = tsnPlus(options.initialTsn, -1)
  }

  /** Something is missing, or came twice: the sender should hear at once. */
  get irregular(): boolean {
    return this.#beyond.size > 0 || this.#duplicates.length > 0
  }

  /** Bytes that wait. */
  get bytes(): number {
    return this.#bytes
  }

  /** Takes a piece; answers the messages it completes. @throws ProtocolViolation when the peer cannot be followed */
  receive(chunk: DataChunk): SctpMessage[] {
    const ahead = tsnDistance(chunk.tsn, this.#cumulative)
    if (ahead === 0 || ahead >= 0x8000_0000 || this.#beyond.has(chunk.tsn)) {
      if (this.#duplicates.length < maxDuplicates) this.#duplicates.push(chunk.tsn)
      return []
    }
    const { windowBytes } = this.#options
    const cost = chunk.payload.length + pieceCost
    // Not taken means not acknowledged: it comes again. What is next in order is taken, as it may free the others.
    const full = this.#bytes + cost > windowBytes || this.#held.size >= maxHeld
    if (ahead > maxHeld || (full && ahead !== 1)) return []
    if (this.#bytes + cost > windowBytes * 2 || this.#held.size > maxHeld) {
      throw new ProtocolViolation('sctp', 'more unfinished messages than the window holds')
    }
    this.#beyond.add(chunk.tsn)
    this.#held.set(chunk.tsn, { ...chunk, payload: Uint8Array.from(chunk.payload) })
    this.#bytes += cost
    this.#advance()
    const message = this.#assemble(chunk)
    return message === undefined ? [] : this.#deliver(message.message, message.sequence)
  }

  /** The sender gave up what is up to a number; answers the messages that need not wait any more. */
  forward({ cumulative, streams }: ForwardTsnChunk): SctpMessage[] {
    if (!tsnAfter(cumulative, this.#cumulative)) return []
    this.#cumulative = cumulative
    for (const tsn of this.#beyond) if (!tsnAfter(tsn, cumulative)) this.#beyond.delete(tsn)
    for (const [tsn, { payload }] of this.#held) {
      if (tsnAfter(tsn, cumulative)) continue
      this.#held.delete(tsn)
      this.#bytes -= payload.length + pieceCost
    }
    this.#advance()
    return streams.flatMap(([stream, sequence]) => this.#skip(stream, sequence))
  }

  /** The peer begins these streams anew (RFC 6525). */
  reset(streams: Iterable<number>): void {
    for (const stream of streams) {
      for (const { payload } of this.#complete.get(stream)?.values() ?? []) {
        this.#bytes -= payload.length + pieceCost
      }
      this.#complete.delete(stream)
      this.#nextSequence.delete(stream)
    }
  }

  /** Says what has arrived, and forgets what came twice. */
  sack(): SackChunk {
    const { windowBytes } = this.#options
    const duplicates = this.#duplicates
    this.#duplicates = []
    return {
      ...{ type: 'sack', cumulative: this.#cumulative, gaps: this.#gaps(), duplicates },
      window: Math.max(0, windowBytes - this.#bytes),
    }
  }

  #gaps(): [number, number][] {
    if (this.#beyond.size === 0) return []
    const distances = [...this.#beyond].map((tsn) => tsnDistance(tsn, this.#cumulative)).sort((a, b) => a - b)
    const gaps: [number, number][] = []
    for (const distance of distances) {
      const last = gaps.at(-1)
      if (last !== undefined && last[1] + 1 === distance) last[1] = distance
      else if (gaps.length < maxGaps) gaps.push([distance, distance])
      else break
    }
    return gaps
  }

  #advance(): void {
    for (let next = tsnPlus(this.#cumulative, 1); this.#beyond.delete(next); next = tsnPlus(next, 1)) {
      this.#cumulative = next
    }
  }

  /** The message that a piece belongs to, when all of it is there. */
  #assemble(piece: DataChunk): { message: SctpMessage; sequence: number } | undefined {
    const pieces = [piece]
    let size = piece.payload.length
    const grow = (tsn: number, fits: (other: DataChunk) => boolean): DataChunk | undefined => {
      const other = this.#held.get(tsn)
      if (other === undefined || !isOfSameMessage(other, piece) || !fits(other)) return undefined
      size += other.payload.length
      if (size > this.#options.maxMessageBytes || pieces.length >= maxFragments) {
        throw new ProtocolViolation('sctp', 'a message is larger than was agreed')
      }
      return other
    }
    for (let first = piece; !first.beginning; ) {
      const before = grow(tsnPlus(first.tsn, -1), ({ ending }) => !ending)
      if (before === undefined) return undefined
      pieces.unshift(before)
      first = before
    }
    for (let last = piece; !last.ending; ) {
      const after = grow(tsnPlus(last.tsn, 1), ({ beginning }) => !beginning)
      if (after === undefined) return undefined
      pieces.push(after)
      last = after
    }
    const payload = new Uint8Array(size)
    let at = 0
    for (const { tsn, payload: part } of pieces) {
      payload.set(part, at)
      at += part.length
      this.#held.delete(tsn)
      this.#bytes -= part.length + pieceCost
    }
    const { stream, protocol, unordered, sequence } = piece
    return { message: { stream, protocol, unordered, payload }, sequence }
  }

  #deliver(message: SctpMessage, sequence: number): SctpMessage[] {
    const { stream, unordered, payload } = message
    if (unordered) return [message]
    const next = this.#nextSequence.get(stream) ?? 0
    if (sequence === next) {
      this.#nextSequence.set(stream, (next + 1) & 0xffff)
      return [message, ...this.#followers(stream)]
    }
    const waiting = this.#complete.get(stream) ?? new Map<number, SctpMessage>()
    if (!ssnAfter(sequence, next) || waiting.has(sequence)) return []
    waiting.set(sequence, message)
    this.#complete.set(stream, waiting)
    this.#bytes += payload.length + pieceCost
    return []
  }

  #followers(stream: number): SctpMessage[] {
    const messages: SctpMessage[] = []
    const waiting = this.#complete.get(stream)
    for (;;) {
      const next = this.#nextSequence.get(stream) ?? 0
      const message = waiting?.get(next)
      if (message === undefined) return messages
      waiting?.delete(next)
      this.#bytes -= message.payload.length + pieceCost
      this.#nextSequence.set(stream, (next + 1) & 0xffff)
      messages.push(message)
    }
  }

  /** Messages of a stream up to a sequence number are not waited for. */
  #skip(stream: number, sequence: number): SctpMessage[] {
    const next = this.#nextSequence.get(stream) ?? 0
    if (sequence !== next && !ssnAfter(sequence, next)) return []
    const waiting = this.#complete.get(stream)
    const skipped: SctpMessage[] = []
    for (const [number, message] of [...(waiting ?? [])].sort(([a], [b]) => (ssnAfter(a, b) ? 1 : -1))) {
      if (ssnAfter(number, sequence)) continue
      waiting?.delete(number)
      this.#bytes -= message.payload.length + pieceCost
      skipped.push(message)
    }
    this.#nextSequence.set(stream, (sequence + 1) & 0xffff)
    return [...skipped, ...this.#followers(stream)]
  }
}

function isOfSameMessage(other: DataChunk, piece: DataChunk): boolean {
  return (
    other.stream === piece.stream &&
    other.unordered === piece.unordered &&
    (piece.unordered || other.sequence === piece.sequence)
  )
}
