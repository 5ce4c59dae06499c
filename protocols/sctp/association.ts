import { ProtocolViolation } from '../violation.ts'
import { type InitChunk, parameterKinds, type SctpChunk, type SctpParameter } from './chunk.ts'
import { SctpInbound, type SctpMessage } from './inbound.ts'
import { type OutgoingMessage, SctpOutbound } from './outbound.ts'
import { parseSctp } from './parse.ts'
import { sctpChunkSize, serializeSctp } from './serialize.ts'

export interface SctpAssociationOptions {
  /** Who begins; WebRTC lets both, and one that waits is enough where the other does. */
  role: 'initiator' | 'responder'
  localPort?: number
  remotePort?: number
  /** Of packets this side sends. */
  maxPacketBytes?: number
  /** Of messages this side takes. */
  maxMessageBytes: number
  /** Bytes of the peer that may wait for what is missing. */
  windowBytes?: number
  /** Lossy messages that wait to be sent, in bytes. */
  maxLossyBytes?: number
  /** 32 random bits. */
  random: () => number
  sendPacket: (packet: Uint8Array) => void
  onOpen?: () => void
  onMessage: (message: SctpMessage) => void
  /** Reliable messages arrived: there is room for others. */
  onRoom?: () => void
  /** The peer begins these streams anew, as WebRTC closes channels. */
  onReset?: (streams: readonly number[]) => void
  /** Ended by the peer, by a violation of it, or because it never answered. */
  onClosed?: (reason: SctpCloseReason) => void
}

export type SctpCloseReason = 'aborted' | 'shut-down' | 'violation' | 'no-answer'

const maxStreams = 1_024
const sackDelayMs = 40
const initEveryMs = 1_000
const maxInits = 10

interface Peer {
  readonly tag: number
  readonly inbound: SctpInbound
  readonly outbound: SctpOutbound
}

/**
 * One SCTP association as WebRTC uses it (RFC 9260 over DTLS, RFC 8261): one path, messages reliable or given up
 * (RFC 3758), stream resets answered (RFC 6525). It has neither socket nor clock: packets and the time come in, packets go out through
 * `sendPacket`. What it holds is bounded, whatever the peer does. Heartbeats are answered, not sent: whether the peer is there
 * is known from ICE, and so nothing is given up for silence after the opening.
 */
export class SctpAssociation {
  readonly #options: Required<
    Pick<
      SctpAssociationOptions,
      'localPort' | 'remotePort' | 'maxPacketBytes' | 'windowBytes' | 'maxLossyBytes'
    >
  > &
    SctpAssociationOptions
  readonly #tag: number
  readonly #initialTsn: number
  readonly #cookie: Uint8Array
  #peer: Peer | undefined
  #state: 'waiting' | 'init-sent' | 'cookie-sent' | 'open' | 'closed' = 'waiting'
  #echo: Uint8Array = new Uint8Array()
  #inits = 0
  #initAtMs: number | undefined
  #sackAtMs: number | undefined
  #unacknowledged = 0
  #resetSequence: number | undefined
  #nowMs = 0

  constructor(options: SctpAssociationOptions) {
    this.#options = {
      ...{ localPort: 5_000, remotePort: 5_000, maxPacketBytes: 1_100, windowBytes: 256 * 1024 },
      maxLossyBytes: 64 * 1024,
      ...options,
    }
    this.#tag = options.random() >>> 0 || 1
    this.#initialTsn = options.random() >>> 0
    this.#cookie = new Uint8Array(Uint32Array.from({ length: 4 }, options.random).buffer)
  }

  get open(): boolean {
    return this.#state === 'open'
  }

  get closed(): boolean {
    return this.#state === 'closed'
  }

  /** Bytes of reliable messages that have not arrived yet. */
  get reliableBytes(): number {
    return this.#peer?.outbound.reliableBytes ?? 0
  }

  /** Lossy messages that were dropped before they could leave. */
  get dropped(): number {
    return this.#peer?.outbound.dropped ?? 0
  }

  /** Bytes of the peer that wait for what is missing. */
  get heldBytes(): number {
    return this.#peer?.inbound.bytes ?? 0
  }

  /** When `advance` has something to do; undefined while nothing is pending. */
  get deadlineMs(): number | undefined {
    if (this.#state === 'closed') return undefined
    const times = [this.#initAtMs, this.#sackAtMs, this.#peer?.outbound.deadlineMs].filter(
      (time) => time !== undefined,
    )
    return times.length === 0 ? undefined : Math.min(...times)
  }

  /** Begins, as initiator. */
  connect(nowMs: number): void {
    if (this.#state !== 'waiting' || this.#options.role !== 'initiator') return
    this.#nowMs = nowMs
    this.#state = 'init-sent'
    this.#sendInit()
  }

  /** Queues a message and sends what may go. Before it is open, and after its end, nothing is taken. */
  send(message: OutgoingMessage, nowMs: number): boolean {
    if (this.#state !== 'open' || message.payload.length === 0) return false
    this.#nowMs = nowMs
    this.#peer?.outbound.send(message)
    this.#transmit()
    return true
  }

  /** Takes a packet of the peer. @throws ProtocolViolation for one that cannot be read; it changes nothing */
  receive(packet: Uint8Array, nowMs: number): void {
    if (this.#state === 'closed') return
    const { verificationTag, chunks } = parseSctp(packet)
    this.#nowMs = nowMs
    for (const chunk of chunks) {
      if (!this.#isMeant(chunk, verificationTag)) continue
      try {
        this.#handle(chunk)
      } catch (error) {
        if (!(error instanceof ProtocolViolation)) throw error
        this.#end('violation')
      }
      if (this.closed) return
    }
    this.#acknowledge()
    this.#transmit()
  }

  /** Does what is due. */
  advance(nowMs: number): void {
    this.#nowMs = nowMs
    if (this.#initAtMs !== undefined && nowMs >= this.#initAtMs) this.#repeatInit()
    if (this.#sackAtMs !== undefined && nowMs >= this.#sackAtMs) this.#sendSack()
    this.#peer?.outbound.expire(nowMs)
    this.#transmit()
  }

  /** Ends it; the peer is told. `onClosed` is not called. */
  close(): void {
    if (this.#state === 'closed') return
    if (this.#peer !== undefined) this.#sendChunks([{ type: 'abort', reflected: false }])
    this.#state = 'closed'
    this.#peer = undefined
  }

  #isMeant(chunk: SctpChunk, tag: number): boolean {
    if (chunk.type === 'init') return tag === 0
    if ((chunk.type === 'abort' || chunk.type === 'shutdown-complete') && chunk.reflected) {
      return tag === this.#peer?.tag
    }
    return tag === this.#tag
  }

  #handle(chunk: SctpChunk): void {
    switch (chunk.type) {
      case 'init':
        this.#handleInit(chunk)
        return
      case 'init-ack':
        this.#handleInitAck(chunk)
        return
      case 'cookie-echo':
        this.#handleCookie(chunk.cookie)
        return
      case 'cookie-ack':
        if (this.#state === 'cookie-sent') this.#opened()
        return
      case 'abort':
        this.#end('aborted')
        return
      case 'heartbeat':
        if (this.#peer !== undefined && chunk.info.length <= 512) {
          this.#sendChunks([{ type: 'heartbeat-ack', info: chunk.info }])
        }
        return
      case 'shutdown':
        if (this.#state === 'open') this.#sendChunks([{ type: 'shutdown-ack' }])
        return
      case 'shutdown-complete':
        this.#end('shut-down')
        return
      default:
        if (this.#state === 'open') this.#handleOpen(chunk)
    }
  }

  #handleOpen(chunk: SctpChunk): void {
    const peer = this.#peer
    if (peer === undefined) return
    switch (chunk.type) {
      case 'data':
        if (chunk.stream >= maxStreams) throw new ProtocolViolation('sctp', `stream ${chunk.stream}`)
        this.#unacknowledged += chunk.immediate ? 2 : 1
        for (const message of peer.inbound.receive(chunk)) this.#options.onMessage(message)
        return
      case 'forward-tsn': {
        const streams = chunk.streams.filter(([stream]) => stream < maxStreams)
        this.#unacknowledged += 2
        for (const message of peer.inbound.forward({ ...chunk, streams })) this.#options.onMessage(message)
        return
      }
      case 'sack': {
        const before = peer.outbound.reliableBytes
        peer.outbound.handleSack(chunk, this.#nowMs)
        if (peer.outbound.reliableBytes < before) this.#options.onRoom?.()
        return
      }
      case 'reconfig':
        this.#handleReconfig(chunk.parameters, peer)
        return
    }
  }

  #handleInit(init: InitChunk): void {
    if (init.tag === 0 || init.inboundStreams === 0 || init.outboundStreams === 0) return
    // A late repetition finds us open already: the peer's cookie is what counts then.
    if (this.#state === 'waiting' && this.#options.role === 'responder') this.#learn(init)
    if (this.#peer === undefined || this.#peer.tag !== init.tag) return
    const cookie: SctpParameter = { kind: parameterKinds.cookie, value: this.#cookie }
    this.#sendChunks([{ ...this.#ownInit('init-ack'), parameters: [...ownParameters, cookie] }])
  }

  #handleInitAck(init: InitChunk): void {
    const cookie = init.parameters.find(({ kind }) => kind === parameterKinds.cookie)
    if (this.#state !== 'init-sent' || init.tag === 0 || cookie === undefined) return
    this.#learn(init)
    this.#echo = Uint8Array.from(cookie.value)
    this.#state = 'cookie-sent'
    this.#inits = 0
    this.#sendInit()
  }

  #handleCookie(cookie: Uint8Array): void {
    if (this.#options.role !== 'responder' || this.#peer === undefined) return
    if (cookie.length !== this.#cookie.length || cookie.some((byte, at) => byte !== this.#cookie[at])) return
    this.#sendChunks([{ type: 'cookie-ack' }])
    if (this.#state === 'waiting') this.#opened()
  }

  #handleReconfig(parameters: readonly SctpParameter[], { inbound }: Peer): void {
    for (const { kind, value } of parameters) {
      if (kind !== parameterKinds.outgoingReset || value.length < 12) continue
      const view = new DataView(value.buffer, value.byteOffset, value.byteLength)
      const sequence = view.getUint32(0)
      if (sequence !== this.#resetSequence) {
        this.#resetSequence = sequence
        const streams = Array.from({ length: (value.length - 12) >> 1 }, (_, index) =>
          view.getUint16(12 + index * 2),
        )
        inbound.reset(streams)
        this.#options.onReset?.(streams)
        if (this.closed) return
      }
      const response = new Uint8Array(8)
      new DataView(response.buffer).setUint32(0, sequence)
      new DataView(response.buffer).setUint32(4, 1) // Performed (RFC 6525, section 4.4).
      this.#sendChunks([
        { type: 'reconfig', parameters: [{ kind: parameterKinds.reconfigResponse, value: response }] },
      ])
    }
  }

  #learn(init: InitChunk): void {
    const { windowBytes, maxMessageBytes, maxLossyBytes, maxPacketBytes } = this.#options
    this.#peer = {
      tag: init.tag,
      inbound: new SctpInbound({ initialTsn: init.initialTsn, windowBytes, maxMessageBytes }),
      outbound: new SctpOutbound({
        ...{ initialTsn: this.#initialTsn, peerWindowBytes: init.window, maxLossyBytes },
        maxPayload: (maxPacketBytes - 12 - 16) & ~3,
        partialReliability: forwards(init.parameters),
      }),
    }
  }

  #ownInit(type: InitChunk['type']): InitChunk {
    return {
      ...{ type, tag: this.#tag, window: this.#options.windowBytes, initialTsn: this.#initialTsn },
      ...{ outboundStreams: maxStreams, inboundStreams: maxStreams, parameters: ownParameters },
    }
  }

  #opened(): void {
    this.#state = 'open'
    this.#initAtMs = undefined
    this.#options.onOpen?.()
  }

  #sendInit(): void {
    this.#inits += 1
    this.#initAtMs = this.#nowMs + initEveryMs
    this.#sendChunks([
      this.#state === 'init-sent' ? this.#ownInit('init') : { type: 'cookie-echo', cookie: this.#echo },
    ])
  }

  #repeatInit(): void {
    if (this.#inits < maxInits) this.#sendInit()
    else this.#end('no-answer')
  }

  #acknowledge(): void {
    if (this.#unacknowledged === 0 || this.#peer === undefined) return
    if (this.#unacknowledged >= 2 || this.#peer.inbound.irregular) this.#sendSack()
    else this.#sackAtMs ??= this.#nowMs + sackDelayMs
  }

  #sendSack(): void {
    this.#sackAtMs = undefined
    this.#unacknowledged = 0
    if (this.#peer !== undefined) this.#sendChunks([this.#peer.inbound.sack()])
  }

  /** Fills packets with what may go now. */
  #transmit(): void {
    const outbound = this.#peer?.outbound
    if (this.#state !== 'open' || outbound === undefined) return
    const { maxPacketBytes } = this.#options
    for (;;) {
      const chunks: SctpChunk[] = []
      let room = maxPacketBytes - 12
      const add = (chunk: SctpChunk | undefined): boolean => {
        if (chunk === undefined) return false
        chunks.push(chunk)
        room -= sctpChunkSize(chunk)
        return true
      }
      add(outbound.takeForward(this.#nowMs))
      while (add(outbound.take(this.#nowMs, room)));
      if (chunks.length === 0) return
      this.#sendChunks(chunks)
    }
  }

  #sendChunks(chunks: readonly SctpChunk[]): void {
    const { localPort, remotePort, sendPacket } = this.#options
    const verificationTag = chunks[0]?.type === 'init' ? 0 : (this.#peer?.tag ?? 0)
    sendPacket(serializeSctp({ sourcePort: localPort, destinationPort: remotePort, verificationTag, chunks }))
  }

  #end(reason: SctpCloseReason): void {
    if (reason === 'violation') this.#sendChunks([{ type: 'abort', reflected: false }])
    this.#state = 'closed'
    this.#peer = undefined
    this.#options.onClosed?.(reason)
  }
}

const ownParameters: readonly SctpParameter[] = [
  { kind: parameterKinds.forwardTsnSupported, value: new Uint8Array() },
  { kind: parameterKinds.supportedExtensions, value: Uint8Array.of(192, 130) },
]

function forwards(parameters: readonly SctpParameter[]): boolean {
  return parameters.some(
    ({ kind, value }) =>
      kind === parameterKinds.forwardTsnSupported ||
      (kind === parameterKinds.supportedExtensions && value.includes(192)),
  )
}
