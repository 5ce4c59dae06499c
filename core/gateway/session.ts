import type { CloseReason, Grants, Platform, ServerEvent } from '@parley/contracts'
import type { UserCaller } from '@parley/core/auth'
import type { Connection } from './connection.ts'
import type { EncodedFrame } from './encoded-frame.ts'
import { TokenSession } from './token-session.ts'

/** An authenticated connection of a user's device. */
export interface Session {
  readonly id: string
  readonly projectId: string
  readonly userId: string
  readonly deviceId: string
  readonly platform: Platform
  readonly remoteAddress: string
  /** The token's facts; another `auth` frame of the same user replaces them. */
  readonly keyId: string
  /** Undefined: all ordinary rights of a user. */
  readonly grants: Grants | undefined
  /** Milliseconds since the epoch. */
  readonly issuedAtMs: number
  readonly expiresAtMs: number
  readonly caller: UserCaller
  /** What modules keep about the session, each under a symbol of its own. Goes with the session. */
  readonly state: Map<symbol, unknown>
  /** Aborts when the session ends. */
  readonly signal: AbortSignal
  /** After the end of the session nothing is sent, without an error. */
  send(event: ServerEvent): void
  sendEncoded(frame: EncodedFrame): void
  close(reason: CloseReason, detail?: string): void
}

export interface ClientSessionOptions {
  id: string
  connection: Connection
  caller: UserCaller
  deviceId: string
  platform: Platform
}

/** Keeps itself small: what few sessions use is made when it is first asked for. */
export class ClientSession extends TokenSession implements Session {
  readonly id: string
  readonly deviceId: string
  readonly platform: Platform
  readonly connection: Connection
  /** An `auth` frame that renews the token is being worked on. */
  renewing = false
  #state: Map<symbol, unknown> | undefined
  #abort: AbortController | undefined
  #ended = false

  constructor(options: ClientSessionOptions) {
    super(options.caller)
    this.id = options.id
    this.connection = options.connection
    this.deviceId = options.deviceId
    this.platform = options.platform
  }

  get remoteAddress(): string {
    return this.connection.remoteAddress
  }

  get state(): Map<symbol, unknown> {
    this.#state ??= new Map()
    return this.#state
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController()
      if (this.#ended) this.#abort.abort()
    }
    return this.#abort.signal
  }

  send(event: ServerEvent): void {
    this.connection.enqueue(JSON.stringify(event), false)
  }

  sendEncoded(frame: EncodedFrame): void {
    this.connection.enqueue(frame, false)
  }

  close(reason: CloseReason, detail?: string): void {
    this.connection.end(reason, detail === undefined ? {} : { detail })
  }

  /** Called once, when the connection has ended. */
  finish(): void {
    this.#ended = true
    this.#abort?.abort()
  }
}
