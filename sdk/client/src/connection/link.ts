import type {
  ClientFrameBody,
  ClientFrameType,
  FrameAnswers,
  RealtimeError,
  ServerEvent,
} from '@parley/contracts'
import { ParleyError } from '../parley-error.ts'
import type { Socket } from './socket.ts'

interface LinkOptions {
  /** Called for every event, in the order of arrival. */
  onEvent: (event: ServerEvent) => void
  /** Called once, when the link can carry nothing any more. */
  onEnd: (reason: ParleyError) => void
}

interface Pending {
  resolve: (answer: never) => void
  reject: (error: ParleyError) => void
  timer: ReturnType<typeof setTimeout>
}

interface Incoming {
  re?: string | number
  ok?: unknown
  error?: RealtimeError
  type?: string
}

const closeReasons: Record<number, ParleyError['code']> = {
  4001: 'auth-timeout',
  4002: 'unauthenticated',
  4003: 'token-expired',
  4004: 'token-revoked',
  4005: 'key-revoked',
  4006: 'device-limit',
  4008: 'slow-consumer',
  4009: 'rate-limited',
  4010: 'frame-too-large',
  4011: 'too-many-connections',
  4012: 'invalid-json',
  4013: 'unavailable',
}
const finalReasons = new Set<string>([
  'token-revoked',
  'key-revoked',
  'device-limit',
  'unauthenticated',
  'token-expired',
])

const pingTimeoutMs = 10_000
const open = 1

/** The life of one socket: frames out, answers matched to requests, events in, heartbeat, one end. */
export class Link {
  readonly #socket: Socket
  readonly #options: LinkOptions
  readonly #pending = new Map<number, Pending>()
  #nextId = 1
  #ended = false
  #closing: ParleyError | undefined
  #heartbeat: ReturnType<typeof setInterval> | undefined
  #deadline: ReturnType<typeof setTimeout> | undefined
  #lastSentMs = 0
  #lastReceivedMs = 0
  #maxFrameBytes = Number.POSITIVE_INFINITY

  constructor(socket: Socket, options: LinkOptions) {
    this.#socket = socket
    this.#options = options
    socket.onmessage = ({ data }) => this.#receive(data)
    socket.onerror = () => undefined // A close event with the reason always follows.
    socket.onclose = ({ code, reason }) => this.end(this.#closing ?? closeError(code, reason))
  }

  /** Answers what the server answers; rejects with its error, `timeout`, or the reason the link ended. */
  request<T extends ClientFrameType>(
    type: T,
    body: ClientFrameBody<T>,
    timeoutMs: number,
  ): Promise<FrameAnswers[T]> {
    return new Promise((resolve, reject) => {
      if (this.#ended || this.#socket.readyState !== open) return reject(lost())
      const id = this.#nextId++
      const text = JSON.stringify({ ...body, id, type })
      if (text.length * 3 > this.#maxFrameBytes && byteLength(text) > this.#maxFrameBytes) {
        return reject(
          new ParleyError('frame-too-large', `A frame holds at most ${this.#maxFrameBytes} bytes`),
        )
      }
      const timer = setTimeout(() => {
        this.#pending.delete(id)
        reject(new ParleyError('timeout', `No answer to ${type} within ${timeoutMs} ms`, { retryable: true }))
      }, timeoutMs)
      this.#pending.set(id, { resolve, reject, timer })
      this.#lastSentMs = Date.now()
      this.#socket.send(text)
    })
  }

  /** Starts the heartbeat once the server has named its period. */
  keepAlive(heartbeatMs: number, maxFrameBytes: number): void {
    this.#maxFrameBytes = maxFrameBytes
    clearInterval(this.#heartbeat)
    this.#heartbeat = setInterval(() => {
      const quietSince = Math.min(this.#lastSentMs, this.#lastReceivedMs)
      if (Date.now() - quietSince >= heartbeatMs) this.probe(pingTimeoutMs)
    }, heartbeatMs)
  }

  /** Asks for a sign of life; without any frame within the time the link is given up. */
  probe(timeoutMs: number): void {
    if (this.#ended) return
    clearTimeout(this.#deadline)
    this.#deadline = setTimeout(() => {
      this.end(new ParleyError('connection-lost', 'The server gave no sign of life', { retryable: true }))
    }, timeoutMs)
    this.request('ping', {}, timeoutMs).catch(() => undefined) // The deadline above judges.
  }

  end(reason: ParleyError): void {
    if (this.#ended) return
    this.#ended = true
    clearInterval(this.#heartbeat)
    clearTimeout(this.#deadline)
    this.#socket.onopen = null
    this.#socket.onmessage = null
    this.#socket.onclose = null
    // `ws` emits an error when a socket is closed before it opened; without a listener that would be thrown.
    this.#socket.onerror = () => undefined
    this.#socket.close(1000)
    for (const { reject, timer } of this.#pending.values()) {
      clearTimeout(timer)
      reject(lost(reason))
    }
    this.#pending.clear()
    this.#options.onEnd(reason)
  }

  #receive(data: unknown): void {
    this.#lastReceivedMs = Date.now()
    clearTimeout(this.#deadline)
    if (typeof data !== 'string') return
    let frames: unknown
    try {
      frames = JSON.parse(data)
    } catch (cause) {
      this.end(
        new ParleyError('invalid-json', 'The server sent what is not JSON', { cause, retryable: true }),
      )
      return
    }
    for (const frame of Array.isArray(frames) ? frames : [frames]) {
      if (this.#ended) return
      if (typeof frame === 'object' && frame !== null) this.#take(frame as Incoming)
    }
  }

  #take(frame: Incoming): void {
    if (frame.re !== undefined) this.#settle(Number(frame.re), frame)
    else if (typeof frame.type === 'string') this.#tell(frame as unknown as ServerEvent)
  }

  #tell(event: ServerEvent): void {
    if (event.type === 'session.closing') {
      const { code, detail, retryable, retryAfterMs } = event
      this.#closing = new ParleyError(code as ParleyError['code'], detail, { retryable, retryAfterMs })
    }
    this.#options.onEvent(event)
  }

  #settle(id: number, frame: Incoming): void {
    const pending = this.#pending.get(id)
    if (!pending) return
    this.#pending.delete(id)
    clearTimeout(pending.timer)
    if (frame.error) pending.reject(ParleyError.from(frame.error))
    else pending.resolve(frame.ok as never)
  }
}

function lost(cause?: ParleyError): ParleyError {
  return new ParleyError('connection-lost', cause?.message ?? 'There is no connection', {
    cause,
    retryable: true,
  })
}

function closeError(code: number, reason: string): ParleyError {
  const known = closeReasons[code]
  if (known) return new ParleyError(known, reason || known, { retryable: !finalReasons.has(known) })
  return new ParleyError('connection-lost', reason || `The socket closed (${code})`, { retryable: true })
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length
}
