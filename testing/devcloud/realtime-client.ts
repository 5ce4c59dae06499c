import type {
  ClientFrameBody,
  ClientFrameType,
  FrameAnswers,
  RealtimeError,
  ServerEvent,
} from '@parley/contracts'
import { WebSocket } from 'ws'

/** An answer with an error, as a rejected request shows it. */
export class FrameRefusedError extends Error {
  readonly code: string
  readonly error: RealtimeError

  constructor(error: RealtimeError) {
    super(`${error.code}: ${error.detail}`)
    this.code = error.code
    this.error = error
  }
}

/**
 * A bare realtime connection for tests: no cache, no resend, no reordering, so that what the server really sends
 * is seen. Events are kept in the order they came.
 */
export class RealtimeClient {
  readonly events: ServerEvent[] = []
  readonly closed: Promise<{ code: number; reason: string }>
  readonly #socket: WebSocket
  readonly #pending = new Map<number, { resolve: (ok: unknown) => void; reject: (error: Error) => void }>()
  readonly #watchers = new Set<() => void>()
  #nextId = 1
  /** Sees each event as it comes. */
  onEvent: (event: ServerEvent) => void = () => undefined

  private constructor(socket: WebSocket) {
    this.#socket = socket
    this.closed = new Promise((resolve) => {
      socket.on('close', (code, reason) => {
        for (const { reject } of this.#pending.values())
          reject(new Error(`the connection closed with ${code}`))
        this.#pending.clear()
        resolve({ code, reason: reason.toString() })
      })
    })
    socket.on('error', () => undefined)
    socket.on('message', (data) => this.#receive(JSON.parse(String(data))))
  }

  /** Connects without authenticating. */
  static async open(url: string): Promise<RealtimeClient> {
    const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/v1/realtime`, ['parley.v1'])
    const client = new RealtimeClient(socket)
    await new Promise<void>((resolve, reject) => {
      socket.once('open', resolve)
      socket.once('error', reject)
    })
    return client
  }

  /** Connects as a user. `device` names the installation. */
  static async connect(url: string, token: string, device = 'test-device'): Promise<RealtimeClient> {
    const client = await RealtimeClient.open(url)
    await client.request('auth', { token, device: { id: device, platform: 'server' } })
    return client
  }

  request<T extends ClientFrameType>(type: T, body: ClientFrameBody<T>): Promise<FrameAnswers[T]> {
    if (this.#socket.readyState !== WebSocket.OPEN)
      return Promise.reject(new Error('the connection is closed'))
    const id = this.#nextId++
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve: (ok) => resolve(ok as FrameAnswers[T]), reject })
      this.#socket.send(JSON.stringify({ ...body, id, type }))
    })
  }

  /** Sends bytes as they are. */
  raw(data: string | Buffer): void {
    this.#socket.send(data)
  }

  /** Resolves with the first event that fits, seen already or yet to come. */
  async waitFor<T extends ServerEvent['type']>(
    type: T,
    fits: (event: Extract<ServerEvent, { type: T }>) => boolean = () => true,
    timeoutMs = 10_000,
  ): Promise<Extract<ServerEvent, { type: T }>> {
    const find = () =>
      this.events.find(
        (event): event is Extract<ServerEvent, { type: T }> =>
          event.type === type && fits(event as Extract<ServerEvent, { type: T }>),
      )
    const deadline = Date.now() + timeoutMs
    for (let found = find(); ; found = find()) {
      if (found !== undefined) return found
      const rest = deadline - Date.now()
      if (rest <= 0) throw new Error(`no ${type} came within ${timeoutMs} ms`)
      await this.#change(rest)
    }
  }

  /** Takes nothing more off the wire, as a client that hangs. */
  pauseReading(): void {
    this.#socket.pause()
  }

  resumeReading(): void {
    this.#socket.resume()
  }

  /** Cuts the connection without a closing handshake, as a lost network does. */
  terminate(): void {
    this.#socket.terminate()
  }

  async close(): Promise<void> {
    this.#socket.close()
    await this.closed
  }

  #change(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer)
        this.#watchers.delete(done)
        resolve()
      }
      const timer = setTimeout(done, timeoutMs)
      this.#watchers.add(done)
    })
  }

  /** A frame that could not be read is refused without naming it. */
  #rejectAll(error: Error): void {
    for (const { reject } of this.#pending.values()) reject(error)
    this.#pending.clear()
  }

  #receive(frame: unknown): void {
    for (const item of Array.isArray(frame) ? frame : [frame]) this.#take(item as Record<string, unknown>)
    for (const done of [...this.#watchers]) done()
  }

  #take(item: Record<string, unknown>): void {
    if (typeof item.type === 'string') {
      this.events.push(item as unknown as ServerEvent)
      this.onEvent(item as unknown as ServerEvent)
      return
    }
    if (item.re === undefined) {
      this.#rejectAll(new FrameRefusedError(item.error as RealtimeError))
      return
    }
    const pending = this.#pending.get(item.re as number)
    this.#pending.delete(item.re as number)
    if (item.error !== undefined) pending?.reject(new FrameRefusedError(item.error as RealtimeError))
    else pending?.resolve(item.ok)
  }
}
