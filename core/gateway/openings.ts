import {
  AppError,
  type ClientFrameBody,
  type CloseReason,
  clientFrames,
  closeCodes,
  type FrameAnswers,
  newId,
} from '@parley/contracts'
import type { Authenticator, UserCaller } from '@parley/core/auth'
import type { Logger } from '@parley/core/kernel'
import type { Connection } from './connection.ts'
import { encodeError, encodeOk, explain, type FrameId, idMissing } from './frame-answers.ts'
import { type ClientFrame, parseBody } from './frame-parsing.ts'
import { ClientSession, type Session } from './session.ts'
import type { GatewaySettings } from './settings.ts'

export interface Candidate {
  /** Not open yet: nothing may be sent to it. */
  session: Session
  /** As the client described it; absent when it did not. */
  device: NonNullable<ClientFrameBody<'auth'>['device']> | undefined
}

export type OpeningHook = (candidate: Candidate) => Promise<void>

interface Closure {
  predicate: (session: Session) => boolean
  reason: CloseReason
  detail: string | undefined
}

/** What was closed while an authentication ran, to be held against its outcome. */
interface Attempt {
  closures: Closure[]
}

export interface OpeningsOptions {
  authenticator: Authenticator
  logger: Logger
  settings: GatewaySettings
  /** Sessions of the user that are open. */
  sessionsOf: (projectId: string, userId: string) => ReadonlySet<Session>
  /** Makes the session known, in the same turn as its answer is written. */
  open: (connection: Connection, session: ClientSession) => void
}

const maxDateMs = 8.64e15

/** Turns `auth` frames into sessions, and lets later ones renew the token. */
export class Openings {
  readonly #options: OpeningsOptions
  readonly #hooks: OpeningHook[] = []
  readonly #attempts = new Set<Attempt>()

  constructor(options: OpeningsOptions) {
    this.#options = options
  }

  addHook(hook: OpeningHook): void {
    this.#hooks.push(hook)
  }

  /**
   * Takes note for authentications under way, whose token may have been read before what made the closing
   * necessary, and which are in no directory yet.
   */
  closeWhere(predicate: Closure['predicate'], reason: CloseReason, detail: string | undefined): void {
    for (const attempt of this.#attempts) attempt.closures.push({ predicate, reason, detail })
  }

  /** The first frame. Ends the connection when it does not lead to a session. */
  async open(connection: Connection, frame: ClientFrame): Promise<void> {
    connection.phase = 'authenticating'
    const { id } = frame
    try {
      if (id === undefined) throw idMissing()
      await this.#attempt(async (attempt) => {
        const session = await this.#candidate(connection, frame, attempt)
        if (connection.ended) return
        connection.enqueue(encodeOk(id, this.#describe(session)), true)
        this.#options.open(connection, session)
      })
    } catch (thrown) {
      this.#refuse(connection, id, thrown)
    }
  }

  /** An `auth` frame of an open session: a newer token of the same user. */
  async renew(session: ClientSession, frame: ClientFrame): Promise<FrameAnswers['auth']> {
    const { token, device } = parseBody(clientFrames.auth, frame.body)
    if (device !== undefined && device.id !== session.deviceId) {
      throw new AppError('forbidden', 'A live connection cannot change its device')
    }
    if (session.renewing) throw new AppError('conflict', 'Another auth frame is being worked on')
    session.renewing = true
    try {
      return await this.#attempt(async (attempt) => {
        const caller = await this.#options.authenticator.authenticateToken(token)
        if (caller.projectId !== session.projectId || caller.userId !== session.userId) {
          throw new AppError('forbidden', 'The token is of another user')
        }
        session.adopt(caller)
        const closure = attempt.closures.find(({ predicate }) => predicate(session))
        if (closure !== undefined) session.close(closure.reason, closure.detail)
        return this.#describe(session)
      })
    } finally {
      session.renewing = false
    }
  }

  async #attempt<Answer>(run: (attempt: Attempt) => Promise<Answer>): Promise<Answer> {
    const attempt: Attempt = { closures: [] }
    this.#attempts.add(attempt)
    try {
      return await run(attempt)
    } finally {
      this.#attempts.delete(attempt)
    }
  }

  async #candidate(connection: Connection, frame: ClientFrame, attempt: Attempt): Promise<ClientSession> {
    const { token, device } = parseBody(clientFrames.auth, frame.body)
    const caller = await this.#options.authenticator.authenticateToken(token)
    const session = new ClientSession({
      id: newId('session'),
      connection,
      caller,
      deviceId: device?.id ?? newId('device'),
      platform: device?.platform ?? 'other',
    })
    connection.session = session
    if (connection.ended) session.finish()
    this.#check(session, caller, attempt)
    for (const hook of this.#hooks) {
      if (connection.ended) break
      await hook({ session, device })
      this.#check(session, caller, attempt)
    }
    return session
  }

  #check(session: ClientSession, caller: UserCaller, { closures }: Attempt): void {
    const closure = closures.find(({ predicate }) => predicate(session))
    if (closure !== undefined) throw new AppError(closure.reason, closure.detail)
    if (caller.expiresAtMs <= Date.now()) throw new AppError('token-expired')
    const { sessionsOf, settings } = this.#options
    if (sessionsOf(caller.projectId, caller.userId).size >= settings.maxConnectionsPerUser) {
      throw new AppError('too-many-connections', 'The user has as many connections as a user may')
    }
  }

  #describe(session: ClientSession): FrameAnswers['auth'] {
    const { settings } = this.#options
    return {
      projectId: session.projectId,
      userId: session.userId,
      deviceId: session.deviceId,
      sessionId: session.id,
      ...(session.grants !== undefined && { grants: session.grants }),
      expiresAt: new Date(Math.min(session.expiresAtMs, maxDateMs)).toISOString(),
      serverTime: new Date().toISOString(),
      heartbeatMs: settings.heartbeatMs,
      maxFrameBytes: settings.maxFrameBytes,
    }
  }

  #refuse(connection: Connection, id: FrameId | undefined, thrown: unknown): void {
    if (connection.ended) return
    const error = explain(thrown, this.#options.logger, { frameType: 'auth' })
    connection.enqueue(encodeError(id, error), true)
    const retryAfterMs = error.retryAfterMs ?? (error.retryable ? this.#randomSpread() : undefined)
    connection.end(closeReasonOf(error), {
      code: error.code,
      detail: error.message,
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    })
  }

  #randomSpread(): number {
    return 1_000 + Math.floor(Math.random() * this.#options.settings.reconnectSpreadMs)
  }
}

function closeReasonOf(error: AppError): CloseReason {
  if (Object.hasOwn(closeCodes, error.code)) return error.code as CloseReason
  return error.retryable ? 'unavailable' : 'unauthenticated'
}
