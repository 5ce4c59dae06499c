import { AppError } from '@parley/contracts'
import type { Logger } from '@parley/core/kernel'
import type { RawData } from 'ws'
import type { Connection } from './connection.ts'
import { explain, idMissing } from './frame-answers.ts'
import { type ClientFrame, readFrame, readMessage } from './frame-parsing.ts'
import type { FrameRoutes } from './frame-routes.ts'
import type { Openings } from './openings.ts'
import type { ClientSession } from './session.ts'
import type { GatewaySettings } from './settings.ts'

export interface FrameIntakeOptions {
  settings: GatewaySettings
  logger: Logger
  routes: FrameRoutes
  openings: Openings
  /** The session has another token. */
  renewed: (session: ClientSession) => void
}

/** Takes what a socket received apart into frames and brings each to who is in charge of it. */
export class FrameIntake {
  readonly #settings: GatewaySettings
  readonly #logger: Logger
  readonly #routes: FrameRoutes
  readonly #openings: Openings
  readonly #renewed: (session: ClientSession) => void

  constructor(options: FrameIntakeOptions) {
    this.#settings = options.settings
    this.#logger = options.logger
    this.#routes = options.routes
    this.#openings = options.openings
    this.#renewed = options.renewed
  }

  receive(connection: Connection, data: RawData, isBinary: boolean): void {
    let values: unknown[]
    try {
      if (isBinary) throw new AppError('invalid-json', 'Frames are text; binary messages are not taken')
      values = readMessage(String(data), this.#settings)
    } catch (thrown) {
      this.#malformed(connection, explain(thrown, this.#logger, {}))
      return
    }
    this.#takeAll(connection, values)
  }

  /** Handles what came while the authentication ran. */
  release(connection: Connection): void {
    const { held } = connection
    connection.held = undefined
    if (held !== undefined) this.#takeAll(connection, held)
  }

  #takeAll(connection: Connection, values: readonly unknown[]): void {
    for (const value of values) {
      if (connection.ended) return
      if (connection.phase === 'authenticating') this.#hold(connection, value)
      else this.#take(connection, value)
    }
  }

  #take(connection: Connection, value: unknown): void {
    const frame = readFrame(value)
    if (frame === undefined) {
      this.#malformed(connection, new AppError('invalid-request', 'A frame is {id, type, ...}'))
    } else if (connection.phase === 'waiting') this.#takeFirst(connection, frame)
    else if (connection.session !== undefined) this.#takeNext(connection, connection.session, frame)
  }

  #takeFirst(connection: Connection, frame: ClientFrame): void {
    if (frame.type === 'auth') {
      void this.#openings.open(connection, frame)
      return
    }
    const error = new AppError('unauthenticated', 'The first frame must be auth')
    this.#routes.answerError(connection, frame.id, error)
    connection.end('unauthenticated', { detail: error.message })
  }

  #takeNext(connection: Connection, session: ClientSession, frame: ClientFrame): void {
    if (!this.#routes.admit(connection, frame.id)) return
    if (frame.type === 'auth') {
      void this.#renew(connection, session, frame)
    } else if (session.expiresAtMs <= Date.now()) {
      connection.end('token-expired')
    } else if (frame.type === 'ping') {
      if (frame.id !== undefined) {
        this.#routes.answer(connection, frame.id, { serverTime: new Date().toISOString() })
      }
    } else this.#routes.dispatch(connection, session, frame)
  }

  async #renew(connection: Connection, session: ClientSession, frame: ClientFrame): Promise<void> {
    try {
      if (frame.id === undefined) throw idMissing()
      const answer = await this.#openings.renew(session, frame)
      this.#renewed(session)
      this.#routes.answer(connection, frame.id, answer)
    } catch (thrown) {
      const fields = { sessionId: session.id, frameType: 'auth' }
      this.#routes.answerError(connection, frame.id, explain(thrown, this.#logger, fields))
    }
  }

  /** What comes behind the `auth` frame waits for its outcome. */
  #hold(connection: Connection, value: unknown): void {
    connection.held ??= []
    if (connection.held.length < this.#settings.maxFramesPerArray) connection.held.push(value)
    else connection.end('rate-limited', { detail: 'Too many frames before the auth answer' })
  }

  #malformed(connection: Connection, error: AppError): void {
    this.#routes.malformed(connection, error)
    if (connection.phase !== 'open')
      connection.end('invalid-json', { code: error.code, detail: error.message })
  }
}
