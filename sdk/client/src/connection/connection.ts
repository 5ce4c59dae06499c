import type { ClientFrameBody, ClientFrameType, FrameAnswers, Platform, ServerEvent } from '@parley/contracts'
import { Emitter } from '../emitter.ts'
import { asParleyError, ParleyError } from '../parley-error.ts'
import { Backoff } from './backoff.ts'
import { watchEnvironment } from './environment.ts'
import { Link } from './link.ts'
import { Pause } from './pause.ts'
import type { OpenSocket, Socket } from './socket.ts'

export interface Device {
  id: string
  platform: Platform
  name?: string
}

export type Session = FrameAnswers['auth']

/** Where the connection stands. `reason` says why it is not connected, by its `code`. */
export type ConnectionState =
  | { status: 'connecting' }
  | { status: 'connected'; session: Session }
  | { status: 'reconnecting'; reason: ParleyError; attempt: number; retryInMs: number }
  | { status: 'closed'; reason: ParleyError }

export interface ConnectionEvents {
  state: ConnectionState
  /** Authenticated; comes before any event of the new link. */
  connected: Session
  disconnected: ParleyError
  event: ServerEvent
}

export interface ConnectionOptions {
  url: string
  /** Asked for the first token and for every refresh. */
  getToken: () => Promise<string> | string
  device: Device
  openSocket: OpenSocket
  /** The user whose data is held here; a token of somebody else ends the connection with `user-mismatch`. */
  userId?: string
  backoff?: Backoff
  /** True: until connected once, a token that cannot be had or is refused ends the connection. */
  failFast?: boolean
}

export interface RequestOptions {
  /** For the whole request, waiting for a connection included. 20 s unless told. */
  timeoutMs?: number
  /** True: sent again when the connection was lost before the answer came. For requests safe to repeat. */
  resend?: boolean
}

export type Request = <T extends ClientFrameType>(
  type: T,
  body: ClientFrameBody<T>,
  options?: RequestOptions,
) => Promise<FrameAnswers[T]>

const realtimePath = '/v1/realtime'
const subprotocol = 'parley.v1'
const openTimeoutMs = 10_000
const authTimeoutMs = 10_000
const tokenTimeoutMs = 30_000
const answerTimeoutMs = 10_000
const wakeProbeTimeoutMs = 5_000
const stableAfterMs = 10_000
/** setTimeout holds 31 bits; longer waits would fire at once. */
const longestTimerMs = 2 ** 31 - 1

const endsForGood = new Set<string>([
  'token-revoked',
  'key-revoked',
  'device-limit',
  'user-mismatch',
  'closed',
])
const asksAnew = new Set<string>(['token-expired', 'unauthenticated'])

/**
 * One authenticated connection that comes back by itself. It owns its link, timers and listeners; `close` ends
 * all of them. Retrying the connection is done here and nowhere else.
 */
export class Connection extends Emitter<ConnectionEvents> {
  readonly #options: ConnectionOptions
  readonly #backoff: Backoff
  readonly #unwatch: () => void
  readonly #waiting = new Set<{ resolve: (link: Link) => void; reject: (error: ParleyError) => void }>()
  #state: ConnectionState = { status: 'connecting' }
  #token = ''
  #link: Link | undefined
  #authenticated: Link | undefined
  #everConnected = false
  #suspended = false
  #refresh: ReturnType<typeof setTimeout> | undefined
  readonly #pause = new Pause()
  #closed: ParleyError | undefined
  readonly #abortToken = new AbortController()

  constructor(options: ConnectionOptions) {
    super()
    this.#options = options
    this.#backoff = options.backoff ?? new Backoff()
    this.#unwatch = watchEnvironment({
      onWake: () => this.#nudge(),
      onOffline: () => {
        this.#link?.end(new ParleyError('offline', 'The network is gone', { retryable: true }))
      },
    })
  }

  get state(): ConnectionState {
    return this.#state
  }

  /** The token in use, for REST calls beside the connection; empty before the first. */
  get token(): string {
    return this.#token
  }

  get connected(): boolean {
    return this.#authenticated !== undefined
  }

  /** Begins to connect; call once. */
  start(): void {
    void this.#live()
  }

  /** Cuts the connection and stays away until `resume`, as if there were no network. */
  suspend(): void {
    this.#suspended = true
    this.#link?.end(new ParleyError('offline', 'Suspended by the application', { retryable: true }))
  }

  resume(): void {
    this.#suspended = false
    this.#nudge()
  }

  /** A fresh token for REST after a 401. */
  async renewToken(): Promise<string> {
    this.#token = await this.#askToken()
    return this.#token
  }

  readonly request: Request = async (type, body, { timeoutMs = 20_000, resend = false } = {}) => {
    const deadlineMs = Date.now() + timeoutMs
    for (;;) {
      const link = this.#authenticated ?? (await this.#nextLink(deadlineMs - Date.now()))
      const leftMs = Math.max(1, deadlineMs - Date.now())
      try {
        return await link.request(type, body, Math.min(answerTimeoutMs, leftMs))
      } catch (error) {
        const failure = asParleyError(error, 'connection-lost')
        const lost = failure.code === 'connection-lost'
        if (!resend || !lost || this.#closed || Date.now() >= deadlineMs) throw failure
      }
    }
  }

  close(reason: ParleyError = ParleyError.closed()): void {
    if (this.#closed) return
    this.#closed = reason
    clearTimeout(this.#refresh)
    this.#unwatch()
    this.#abortToken.abort(reason)
    this.#link?.end(reason)
    for (const { reject } of this.#waiting) reject(reason)
    this.#waiting.clear()
    this.#setState({ status: 'closed', reason })
    this.#pause.end()
    this.dropListeners()
  }

  async #live(): Promise<void> {
    let askedAnew = false
    while (!this.#closed) {
      const startedMs = Date.now()
      const wasAuthenticated = { value: false }
      const reason = this.#suspended ? offline() : await this.#attempt(wasAuthenticated)
      if (this.#closed) return
      if (wasAuthenticated.value) {
        askedAnew = false
        if (Date.now() - startedMs >= stableAfterMs) this.#backoff.reset()
      }
      if (endsForGood.has(reason.code)) return this.close(reason)
      if (asksAnew.has(reason.code) && !askedAnew) {
        askedAnew = true
        this.#setState({ status: 'reconnecting', reason, attempt: this.#backoff.attempt, retryInMs: 0 })
        continue
      }
      const hopeless = asksAnew.has(reason.code) || reason.code === 'token-failed'
      if (hopeless && this.#options.failFast && !this.#everConnected) return this.close(reason)
      const retryInMs = this.#backoff.nextMs(reason.retryAfterMs)
      this.#setState({ status: 'reconnecting', reason, attempt: this.#backoff.attempt, retryInMs })
      await this.#pause.wait(retryInMs)
    }
  }

  /** One try, from asking a token to the end of the link it made. Answers why it ended. */
  async #attempt(authenticated: { value: boolean }): Promise<ParleyError> {
    try {
      this.#token = await this.#askToken()
    } catch (error) {
      return asParleyError(error, 'token-failed')
    }
    if (this.#closed || this.#suspended) return offline()
    let socket: Socket
    try {
      socket = this.#options.openSocket(realtimeUrl(this.#options.url), subprotocol)
    } catch (error) {
      return asParleyError(error, 'unreachable')
    }
    return new Promise((resolve) => {
      const opening = setTimeout(() => {
        link.end(new ParleyError('unreachable', 'The server did not answer', { retryable: true }))
      }, openTimeoutMs)
      const link = new Link(socket, {
        onEvent: (event) => this.emit('event', event),
        onEnd: (reason) => {
          clearTimeout(opening)
          this.#unlink(link, reason)
          resolve(reason)
        },
      })
      this.#link = link
      socket.onopen = () => {
        clearTimeout(opening)
        this.#authenticate(link).then(
          () => {
            authenticated.value = true
          },
          (error: unknown) => link.end(asParleyError(error, 'unauthenticated')),
        )
      }
    })
  }

  async #authenticate(link: Link): Promise<void> {
    const { device, userId } = this.#options
    const session = await link.request('auth', { token: this.#token, device }, authTimeoutMs)
    if (userId !== undefined && session.userId !== userId) {
      throw new ParleyError('user-mismatch', `The token belongs to ${session.userId}, not to ${userId}`)
    }
    this.#everConnected = true
    this.#authenticated = link
    link.keepAlive(session.heartbeatMs, session.maxFrameBytes)
    this.#refreshBefore(session)
    this.#setState({ status: 'connected', session })
    this.emit('connected', session)
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const { resolve } of waiting) resolve(link)
  }

  #unlink(link: Link, reason: ParleyError): void {
    clearTimeout(this.#refresh)
    if (this.#link === link) this.#link = undefined
    if (this.#authenticated !== link) return
    this.#authenticated = undefined
    this.emit('disconnected', reason)
  }

  #nextLink(timeoutMs: number): Promise<Link> {
    if (this.#closed) return Promise.reject(this.#closed)
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(waiter)
        reject(new ParleyError('timeout', 'No connection came about in time', { retryable: true }))
      }, timeoutMs)
      const waiter = {
        resolve: (link: Link) => {
          clearTimeout(timer)
          resolve(link)
        },
        reject: (error: ParleyError) => {
          clearTimeout(timer)
          reject(error)
        },
      }
      this.#waiting.add(waiter)
    })
  }

  #refreshBefore(session: Session): void {
    const lifeMs = Date.parse(session.expiresAt) - Date.parse(session.serverTime)
    const delayMs = Math.max(lifeMs * 0.5, lifeMs - 60_000)
    clearTimeout(this.#refresh)
    if (!Number.isFinite(delayMs) || delayMs > longestTimerMs) return
    this.#refresh = setTimeout(() => void this.#reauthenticate(), delayMs)
  }

  /** Shows a new token on the live link. When that fails the server ends the link, and that path asks anew. */
  async #reauthenticate(): Promise<void> {
    const link = this.#authenticated
    if (!link) return
    try {
      const token = await this.#askToken()
      if (link !== this.#authenticated) return
      const session = await link.request('auth', { token, device: this.#options.device }, authTimeoutMs)
      this.#token = token
      this.#refreshBefore(session)
    } catch {
      if (link !== this.#authenticated) return
      this.#refresh = setTimeout(() => void this.#reauthenticate(), 5_000)
    }
  }

  async #askToken(): Promise<string> {
    const asked = Promise.resolve(this.#options.getToken())
    const { signal } = this.#abortToken
    let timer: ReturnType<typeof setTimeout> | undefined
    let onAbort: (() => void) | undefined
    const limit = new Promise<never>((_, reject) => {
      const fail = () =>
        reject(new ParleyError('token-failed', 'getToken did not answer', { retryable: true }))
      timer = setTimeout(fail, tokenTimeoutMs)
      onAbort = fail
      signal.addEventListener('abort', fail)
    })
    try {
      return await Promise.race([asked, limit])
    } catch (error) {
      throw asParleyError(error, 'token-failed')
    } finally {
      clearTimeout(timer)
      if (onAbort) signal.removeEventListener('abort', onAbort)
    }
  }

  #nudge(): void {
    if (this.#authenticated) this.#authenticated.probe(wakeProbeTimeoutMs)
    else if (!this.#suspended) this.#pause.end()
  }

  #setState(state: ConnectionState): void {
    this.#state = state
    this.emit('state', state)
  }
}

function offline(): ParleyError {
  return new ParleyError('offline', 'Suspended by the application', { retryable: true })
}

function realtimeUrl(url: string): string {
  const target = new URL(realtimePath, url)
  target.protocol = target.protocol === 'https:' || target.protocol === 'wss:' ? 'wss:' : 'ws:'
  return target.href
}
