import type { CloseReason, Grants, Platform, ServerEvent } from '@parley/contracts'
import type { UserCaller } from '@parley/core/auth'
import type { EncodedFrame, Session } from '@parley/core/gateway'
import type { SessionFacts } from './link-messages.ts'

/** A session of another server process, in a room of this one. */
export class RemoteSession implements Session {
  readonly id: string
  readonly deviceId: string
  readonly platform: Platform
  readonly remoteAddress: string
  readonly state = new Map<symbol, unknown>()
  readonly #send: (event: string) => void
  readonly #abort = new AbortController()
  #caller: UserCaller

  /** @param send takes events as JSON */
  constructor(facts: SessionFacts, send: (event: string) => void) {
    this.id = facts.id
    this.deviceId = facts.deviceId
    this.platform = facts.platform
    this.remoteAddress = facts.remoteAddress
    this.#caller = facts.caller
    this.#send = send
  }

  get caller(): UserCaller {
    return this.#caller
  }

  get projectId(): string {
    return this.#caller.projectId
  }

  get userId(): string {
    return this.#caller.userId
  }

  get keyId(): string {
    return this.#caller.keyId
  }

  get grants(): Grants | undefined {
    return this.#caller.grants
  }

  get issuedAtMs(): number {
    return this.#caller.issuedAtMs
  }

  get expiresAtMs(): number {
    return this.#caller.expiresAtMs
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  send(event: ServerEvent): void {
    if (!this.signal.aborted) this.#send(JSON.stringify(event))
  }

  sendEncoded(frame: EncodedFrame): void {
    if (!this.signal.aborted) this.#send(frame.payload.toString('utf8'))
  }

  /** Rooms never close the connection of a session; whoever accepted it does. */
  close(_reason: CloseReason): void {}

  /** The user renewed the token. */
  adopt(caller: UserCaller): void {
    this.#caller = caller
  }

  finish(): void {
    this.#abort.abort()
  }
}
