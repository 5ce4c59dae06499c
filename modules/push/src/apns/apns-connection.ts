import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2'
import type { Closable } from '@parley/core/kernel'

export interface ApnsAnswer {
  status: number
  headers: Record<string, string | string[] | undefined>
  body: string
}

export interface ApnsConnectionOptions {
  origin: string
  /** Certificates to trust instead of the system's; for tests. */
  ca?: string
  timeoutMs: number
  /** No request for so long: the connection is given back. */
  idleMs?: number
}

const maxAnswerBytes = 2_000
/** Before the settings of the service have arrived. */
const firstStreams = 100
const maxWaiting = 10_000

/**
 * One long HTTP/2 connection to a push service, opened when it is needed. After GOAWAY, a cut or silence the next
 * request opens another; requests above the limit of streams wait. It owns its session; `close` cuts it.
 */
export class ApnsConnection implements Closable {
  readonly #options: ApnsConnectionOptions
  #session: ClientHttp2Session | undefined
  #closed = false
  #running = 0
  readonly #waiting: (() => void)[] = []

  constructor(options: ApnsConnectionOptions) {
    this.#options = options
  }

  /** Rejects when no answer came: connection refused, cut, reset, silence, abort. */
  async post(
    path: string,
    headers: Readonly<Record<string, string>>,
    body: string,
    signal: AbortSignal,
  ): Promise<ApnsAnswer> {
    await this.#turn()
    try {
      if (this.#closed) throw new Error('the connection is closed')
      return await this.#exchange(this.#open(), path, headers, body, signal)
    } finally {
      this.#running--
      this.#waiting.shift()?.()
    }
  }

  close(): void {
    this.#closed = true
    this.#session?.destroy()
    this.#session = undefined
  }

  async #turn(): Promise<void> {
    const most = this.#session?.remoteSettings?.maxConcurrentStreams ?? firstStreams
    if (this.#running >= Math.max(1, most)) {
      if (this.#waiting.length >= maxWaiting) throw new Error('too many pushes wait for this connection')
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
    this.#running++
  }

  #open(): ClientHttp2Session {
    if (this.#session !== undefined) return this.#session
    const { origin, ca, idleMs = 600_000 } = this.#options
    const session = connect(origin, { ...(ca !== undefined && { ca }) })
    const drop = (): void => {
      if (this.#session === session) this.#session = undefined
    }
    this.#session = session
    // What runs below the last stream is still answered; everything new goes to another connection.
    session.on('goaway', () => {
      drop()
      if (!session.destroyed) session.close()
    })
    session.on('close', drop)
    session.on('error', drop)
    session.setTimeout(idleMs, () => session.close())
    return session
  }

  #exchange(
    session: ClientHttp2Session,
    path: string,
    headers: Readonly<Record<string, string>>,
    body: string,
    signal: AbortSignal,
  ): Promise<ApnsAnswer> {
    return new Promise((resolve, reject) => {
      let stream: ClientHttp2Stream
      try {
        stream = session.request({ ':method': 'POST', ':path': path, ...headers })
      } catch (error) {
        if (this.#session === session) this.#session = undefined
        return reject(error)
      }
      const timer = setTimeout(() => {
        // A service that is silent on one stream may be gone altogether: the next push takes another connection.
        if (this.#session === session) this.#session = undefined
        fail(new Error(`no answer within ${this.#options.timeoutMs} ms`))
        session.destroy()
      }, this.#options.timeoutMs)
      const abort = (): void => fail(signal.reason)
      const end = (): void => {
        clearTimeout(timer)
        signal.removeEventListener('abort', abort)
      }
      const fail = (error: unknown): void => {
        end()
        stream.close(constants.NGHTTP2_CANCEL)
        reject(error)
      }
      if (signal.aborted) return abort()
      signal.addEventListener('abort', abort)
      let answer: ApnsAnswer | undefined
      stream.on('response', (received) => {
        answer = { status: received[':status'] ?? 0, headers: received, body: '' }
      })
      stream.setEncoding('utf8')
      stream.on('data', (chunk: string) => {
        if (answer !== undefined && answer.body.length < maxAnswerBytes) answer.body += chunk
      })
      stream.on('end', () => {
        end()
        if (answer === undefined) reject(new Error('the stream ended without an answer'))
        else resolve(answer)
      })
      stream.on('error', fail)
      stream.on('close', () => {
        end()
        reject(new Error('the stream was closed without an answer'))
      })
      stream.end(body)
    })
  }
}
