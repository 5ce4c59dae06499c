import type { CloseReason, Platform, ServerEvent } from '@parley/contracts'
import { type EncodedFrame, type Session, TokenSession } from '@parley/core/gateway'
import type { SessionFacts } from './link-messages.ts'

/** A session of another server process, in a room of this one. */
export class RemoteSession extends TokenSession implements Session {
  readonly id: string
  readonly deviceId: string
  readonly platform: Platform
  readonly remoteAddress: string
  readonly state = new Map<symbol, unknown>()
  readonly #send: (event: string) => void
  readonly #abort = new AbortController()

  /** @param send takes events as JSON */
  constructor(facts: SessionFacts, send: (event: string) => void) {
    super(facts.caller)
    this.id = facts.id
    this.deviceId = facts.deviceId
    this.platform = facts.platform
    this.remoteAddress = facts.remoteAddress
    this.#send = send
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

  finish(): void {
    this.#abort.abort()
  }
}
