import type { DataChunk, ForwardTsnChunk, SackChunk } from './chunk.ts'
import { tsnAfter, tsnDistance, tsnPlus } from './serial.ts'

/** A message to be sent. The payload is not copied and must not change. */
export interface OutgoingMessage {
  readonly stream: number
  readonly protocol: number
  readonly payload: Uint8Array
  /** Without order each message is delivered when it arrives. */
  readonly ordered: boolean
  /** How often a lost piece is sent again before the message is given up; absent: until it arrives. */
  readonly maxRetransmits?: number | undefined
}

export interface OutboundOptions {
  initialTsn: number
  peerWindowBytes: number
  /** Payload of one DATA chunk. */
  maxPayload: number
  /** Of messages with `maxRetransmits` that wait: beyond it the oldest are dropped. */
  maxLossyBytes: number
  /** The peer understands that messages are given up (RFC 3758). */
  partialReliability: boolean
}

interface Waiting {
  readonly message: OutgoingMessage
  sent: number
  sequence: number
  abandoned: boolean
  readonly pieces: InFlight[]
}

interface InFlight {
  readonly chunk: DataChunk
  readonly owner: Waiting
  readonly cost: number
  sentAtMs: number
  sends: number
  misses: number
  state: 'sent' | 'lost' | 'arrived' | 'abandoned'
}

/** Retransmission times in milliseconds. The least is above what a receiver may delay its acknowledgement. */
const rto = { initial: 1_000, least: 300, most: 3_000 } as const
const mtu = 1_100
/** Nobody gets more at once, however good the path. */
const mostWindow = 256 * 1024
const missesOfLoss = 3
const chunkOverhead = 16

/**
 * What is sent to a peer: messages in pieces, as many as the path and the peer take (RFC 9260, sections 6 and 7), the
 * lossy ones before the others. Time comes in as an argument; the owner sends what `take` answers and calls `expire` at the deadline.
 */
export class SctpOutbound {
  readonly #options: OutboundOptions
  #nextTsn: number
  #acknowledged: number
  #forwardTo: number
  #forwardWanted = false
  #forwardStreams = new Map<number, number>()
  readonly #lossy: Waiting[] = []
  readonly #reliable: Waiting[] = []
  #begun: Waiting | undefined
  #lossyBytes = 0
  #reliableBytes = 0
  readonly #sequences = new Map<number, number>()
  #flight: InFlight[] = []
  #flightBytes = 0
  #peerWindow: number
  #window = 4 * mtu
  #threshold = mostWindow
  #partial = 0
  #recoveryEnd: number | undefined
  #resendOne = false
  #smoothedMs: number | undefined
  #variationMs = 0
  #rtoMs: number = rto.initial
  #timerAtMs: number | undefined
  /** Lossy messages that were never sent, for want of room. */
  dropped = 0

  constructor(options: OutboundOptions) {
    this.#options = options
    this.#nextTsn = options.initialTsn
    this.#acknowledged = tsnPlus(options.initialTsn, -1)
    this.#forwardTo = this.#acknowledged
    this.#peerWindow = options.peerWindowBytes
  }

  /** Bytes of reliable messages that are not acknowledged yet, sent or not. */
  get reliableBytes(): number {
    return this.#reliableBytes
  }

  /** When `expire` is due; undefined while nothing is on its way. */
  get deadlineMs(): number | undefined {
    return this.#timerAtMs
  }

  get idle(): boolean {
    return this.#flight.length === 0 && this.#waiting === undefined
  }

  send(message: OutgoingMessage): void {
    const waiting: Waiting = { message, sent: 0, sequence: 0, abandoned: false, pieces: [] }
    if (message.maxRetransmits === undefined || !this.#options.partialReliability) {
      this.#reliable.push(waiting)
      this.#reliableBytes += message.payload.length
      return
    }
    this.#lossy.push(waiting)
    this.#lossyBytes += message.payload.length
    while (this.#lossyBytes > this.#options.maxLossyBytes && this.#lossy.length > 1) {
      this.#lossyBytes -= this.#lossy.shift()?.message.payload.length ?? 0
      this.dropped += 1
    }
  }

  /** The next piece that may go now, if it takes at most `room` bytes with its header. */
  take(nowMs: number, room: number): DataChunk | undefined {
    return this.#takeLost(nowMs, room) ?? this.#takeNew(nowMs, room)
  }

  /** Tells the peer what was given up, once for each time there is news. */
  takeForward(nowMs: number): ForwardTsnChunk | undefined {
    if (!this.#forwardWanted) return undefined
    this.#forwardWanted = false
    this.#timerAtMs ??= nowMs + this.#rtoMs
    return { type: 'forward-tsn', cumulative: this.#forwardTo, streams: [...this.#forwardStreams] }
  }

  /** What the peer says has arrived. One that is older than the last changes nothing. */
  handleSack({ cumulative, window, gaps }: SackChunk, nowMs: number): void {
    const ahead = tsnDistance(cumulative, this.#acknowledged)
    // Behind the last one, or of what was never sent.
    if (ahead >= 0x8000_0000 || !tsnAfter(this.#nextTsn, cumulative)) return
    const filled = this.#flightBytes >= this.#window - mtu
    let arrivedBytes = 0
    let roundTripMs: number | undefined
    const arrive = (piece: InFlight): void => {
      if (piece.state === 'sent') this.#flightBytes -= piece.cost
      if (piece.state === 'sent' || piece.state === 'lost') {
        arrivedBytes += piece.cost
        if (piece.sends === 1) roundTripMs = nowMs - piece.sentAtMs
        this.#settle(piece)
      }
      if (piece.state !== 'abandoned') piece.state = 'arrived'
    }
    let done = 0
    for (const piece of this.#flight) {
      if (tsnAfter(piece.chunk.tsn, cumulative)) break
      arrive(piece)
      done += 1
    }
    if (done > 0) this.#flight = this.#flight.slice(done)
    this.#acknowledged = cumulative
    if (!tsnAfter(this.#forwardTo, cumulative)) {
      this.#forwardTo = cumulative
      this.#forwardStreams.clear()
    }
    this.#handleGaps(gaps, arrive, nowMs)
    if (roundTripMs !== undefined) this.#measure(roundTripMs)
    else if (ahead > 0) this.#rtoMs = this.#measuredRto
    this.#peerWindow = window
    if (this.#recoveryEnd !== undefined && !tsnAfter(this.#recoveryEnd, cumulative))
      this.#recoveryEnd = undefined
    if (ahead > 0 && this.#recoveryEnd === undefined && filled) this.#widen(arrivedBytes)
    this.#passAbandoned()
    if (this.#flight.length === 0) this.#timerAtMs = undefined
    else if (ahead > 0) this.#timerAtMs = nowMs + this.#rtoMs
  }

  /** Nothing came back in time: all that is on its way counts as lost (RFC 9260, section 6.3.3). */
  expire(nowMs: number): void {
    if (this.#timerAtMs === undefined || nowMs < this.#timerAtMs) return
    this.#threshold = Math.max(this.#window / 2, 4 * mtu)
    this.#window = mtu
    this.#partial = 0
    this.#recoveryEnd = undefined
    this.#rtoMs = Math.min(rto.most, this.#rtoMs * 2)
    for (const piece of this.#flight) if (piece.state === 'sent') this.#lose(piece)
    this.#passAbandoned()
    if (tsnAfter(this.#forwardTo, this.#acknowledged)) this.#forwardWanted = true
    this.#timerAtMs = this.#flight.length > 0 ? nowMs + this.#rtoMs : undefined
  }

  get #waiting(): Waiting | undefined {
    return this.#begun ?? this.#lossy[0] ?? this.#reliable[0]
  }

  #takeLost(nowMs: number, room: number): DataChunk | undefined {
    if (!this.#resendOne && this.#flightBytes >= this.#window) return undefined
    const piece = this.#flight.find(({ state }) => state === 'lost')
    if (piece === undefined || piece.chunk.payload.length + chunkOverhead > room) return undefined
    this.#resendOne = false
    this.#count(piece, nowMs)
    return piece.chunk
  }

  #takeNew(nowMs: number, room: number): DataChunk | undefined {
    const waiting = this.#waiting
    if (waiting === undefined) return undefined
    const { message } = waiting
    const payload = message.payload.subarray(waiting.sent, waiting.sent + this.#options.maxPayload)
    const cost = payload.length + chunkOverhead
    if (cost > room) return undefined
    // With nothing on its way one piece goes in any case, as that is how a shut window is seen to open.
    const fits = this.#flightBytes + cost <= Math.min(this.#window, this.#peerWindow)
    if (!fits && this.#flightBytes > 0) return undefined
    if (this.#flight.length >= 4_096) return undefined
    if (waiting.sent === 0) this.#begin(waiting)
    const beginning = waiting.sent === 0
    waiting.sent += payload.length
    const ending = waiting.sent === message.payload.length
    if (ending) this.#begun = undefined
    const chunk: DataChunk = {
      ...{ type: 'data', tsn: this.#nextTsn, stream: message.stream, sequence: waiting.sequence },
      ...{ protocol: message.protocol, beginning, ending, unordered: !message.ordered, payload },
      // With more behind it, or nothing to send again, the answer can wait.
      immediate: this.#waiting === undefined && message.maxRetransmits === undefined,
    }
    this.#nextTsn = tsnPlus(this.#nextTsn, 1)
    const piece: InFlight = {
      chunk,
      owner: waiting,
      cost,
      sentAtMs: nowMs,
      sends: 0,
      misses: 0,
      state: 'lost',
    }
    this.#flight.push(piece)
    waiting.pieces.push(piece)
    this.#count(piece, nowMs)
    return chunk
  }

  /** A message that has begun is sent to its end: its pieces have numbers in a row. */
  #begin(waiting: Waiting): void {
    const { stream, ordered, payload } = waiting.message
    this.#begun = waiting
    if (this.#lossy[0] === waiting) {
      this.#lossy.shift()
      this.#lossyBytes -= payload.length
    } else this.#reliable.shift()
    if (!ordered) return
    waiting.sequence = this.#sequences.get(stream) ?? 0
    this.#sequences.set(stream, (waiting.sequence + 1) & 0xffff)
  }

  #count(piece: InFlight, nowMs: number): void {
    piece.state = 'sent'
    piece.sends += 1
    piece.misses = 0
    piece.sentAtMs = nowMs
    this.#flightBytes += piece.cost
    this.#timerAtMs ??= nowMs + this.#rtoMs
  }

  #handleGaps(gaps: SackChunk['gaps'], arrive: (piece: InFlight) => void, nowMs: number): void {
    let at = 0
    let highest: InFlight | undefined
    let latestMs = Number.NEGATIVE_INFINITY
    for (const [first, last] of gaps) {
      for (; at < this.#flight.length; at++) {
        const piece = this.#flight[at]
        const distance = piece === undefined ? 0 : tsnDistance(piece.chunk.tsn, this.#acknowledged)
        if (piece === undefined || distance > last) break
        if (distance < first) continue
        if (piece.state === 'sent' || piece.state === 'lost') {
          highest = piece
          latestMs = Math.max(latestMs, piece.sentAtMs)
        }
        arrive(piece)
      }
    }
    if (highest === undefined) return
    let lost = false
    for (const piece of this.#flight) {
      if (piece === highest) break
      // What was sent again is missed only by what left after it.
      if (piece.state !== 'sent' || (piece.sends > 1 && piece.sentAtMs >= latestMs)) continue
      piece.misses += 1
      if (piece.misses < missesOfLoss) continue
      lost = true
      this.#lose(piece)
    }
    if (!lost || this.#recoveryEnd !== undefined) return
    this.#threshold = Math.max(this.#window / 2, 4 * mtu)
    this.#window = this.#threshold
    this.#partial = 0
    this.#recoveryEnd = tsnPlus(this.#nextTsn, -1)
    this.#resendOne = true
    this.#timerAtMs = nowMs + this.#rtoMs
  }

  #lose(piece: InFlight): void {
    this.#flightBytes -= piece.cost
    piece.state = 'lost'
    const { maxRetransmits } = piece.owner.message
    if (maxRetransmits === undefined || !this.#options.partialReliability) return
    if (piece.sends > maxRetransmits) this.#abandon(piece.owner)
  }

  #abandon(owner: Waiting): void {
    if (owner.abandoned) return
    owner.abandoned = true
    if (this.#begun === owner) this.#begun = undefined
    for (const piece of owner.pieces) {
      if (piece.state === 'sent') this.#flightBytes -= piece.cost
      piece.state = 'abandoned'
    }
  }

  /** Moves the number up to which the peer need not wait: over what was given up, and what arrived in between. */
  #passAbandoned(): void {
    for (const { chunk, state } of this.#flight) {
      if (state === 'arrived') continue
      if (state !== 'abandoned') return
      if (!tsnAfter(chunk.tsn, this.#forwardTo)) continue
      this.#forwardTo = chunk.tsn
      this.#forwardWanted = true
      if (!chunk.unordered) this.#forwardStreams.set(chunk.stream, chunk.sequence)
    }
  }

  /** A reliable piece arrived: there is room for others. */
  #settle({ owner, chunk }: InFlight): void {
    const { maxRetransmits } = owner.message
    if (maxRetransmits === undefined || !this.#options.partialReliability) {
      this.#reliableBytes -= chunk.payload.length
    }
  }

  #widen(arrivedBytes: number): void {
    if (this.#window < this.#threshold) this.#window += Math.min(arrivedBytes, 2 * mtu)
    else {
      this.#partial += arrivedBytes
      if (this.#partial >= this.#window) {
        this.#partial -= this.#window
        this.#window += mtu
      }
    }
    this.#window = Math.min(mostWindow, this.#window)
  }

  #measure(roundTripMs: number): void {
    if (this.#smoothedMs === undefined) {
      this.#smoothedMs = roundTripMs
      this.#variationMs = roundTripMs / 2
    } else {
      this.#variationMs += (Math.abs(this.#smoothedMs - roundTripMs) - this.#variationMs) / 4
      this.#smoothedMs += (roundTripMs - this.#smoothedMs) / 8
    }
    this.#rtoMs = this.#measuredRto
  }

  /** Without the doublings of an outage, which is over when something arrives. */
  get #measuredRto(): number {
    if (this.#smoothedMs === undefined) return rto.initial
    return Math.min(rto.most, Math.max(rto.least, this.#smoothedMs + 4 * this.#variationMs))
  }
}
