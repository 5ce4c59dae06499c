import { AppError, type ClientFrameType, clientFrames, type FrameAnswers } from '@parley/contracts'
import type { Logger } from '@parley/core/kernel'
import type { z } from 'zod'
import type { Connection } from './connection.ts'
import { encodeError, encodeOk, explain, type FrameId, idMissing } from './frame-answers.ts'
import { type ClientFrame, parseBody } from './frame-parsing.ts'
import type { GatewayMetrics } from './gateway-metrics.ts'
import { type MeterRate, meterRate } from './meter.ts'
import type { ClientSession, Session } from './session.ts'
import type { GatewaySettings } from './settings.ts'

export interface FrameContext {
  /** Aborts when the session ends; the answer goes nowhere then. */
  readonly signal: AbortSignal
}

export type FrameHandler<T extends ClientFrameType> = (
  session: Session,
  body: z.output<(typeof clientFrames)[T]>,
  context: FrameContext,
) => Promise<FrameAnswers[T]>

type Route = (session: ClientSession, body: object) => Promise<unknown>

export interface FrameRoutesOptions {
  settings: GatewaySettings
  metrics: GatewayMetrics
  logger: Logger
}

const ownTypes = new Set<ClientFrameType>(['auth', 'ping'])
const malformedCost = 10
const inFlightRetryMs = 100

/** Gives the frames of sessions to their handlers, within the limits of a session, and writes the answers. */
export class FrameRoutes {
  readonly #routes = new Map<string, Route>()
  readonly #metrics: GatewayMetrics
  readonly #logger: Logger
  readonly #maxInFlight: number
  readonly #frameRate: MeterRate
  readonly #refusalRate: MeterRate

  constructor(options: FrameRoutesOptions) {
    const { settings } = options
    this.#metrics = options.metrics
    this.#logger = options.logger
    this.#maxInFlight = settings.maxInFlight
    this.#frameRate = meterRate(settings.framesPerSecond, settings.frameBurst)
    this.#refusalRate = meterRate(settings.refusalsPerSecond, settings.refusalBurst)
  }

  handle<T extends ClientFrameType>(type: T, handler: FrameHandler<T>): void {
    if (ownTypes.has(type)) throw new Error(`frames of type ${type} belong to the gateway`)
    if (this.#routes.has(type)) throw new Error(`frames of type ${type} have a handler already`)
    const schema: z.ZodType = clientFrames[type]
    // The compiler does not connect a generic member of the table with its own output.
    type Body = z.output<(typeof clientFrames)[T]>
    this.#routes.set(type, (session, body) => handler(session, parseBody(schema, body) as Body, session))
  }

  /** Answers false when the frame was refused for its session's rate. */
  admit(connection: Connection, id: FrameId | undefined): boolean {
    const waitMs = connection.frameMeter.take(this.#frameRate, performance.now())
    if (waitMs === 0) return true
    this.#refuse(connection, id, waitMs, 'Too many frames a second')
    return false
  }

  /** Runs up to the first await of the handler, so that frames start in the order they came. */
  dispatch(connection: Connection, session: ClientSession, frame: ClientFrame): void {
    const { id, type } = frame
    const route = this.#routes.get(type)
    if (route === undefined) this.answerError(connection, id, new AppError('unknown-frame-type'))
    else if (id === undefined) this.answerError(connection, id, idMissing())
    else if (connection.leaving) this.answerError(connection, id, new AppError('unavailable'))
    else if (connection.inFlight >= this.#maxInFlight) {
      this.#refuse(connection, id, inFlightRetryMs, 'Too many frames wait for their answers')
    } else void this.#run(connection, session, route, id, frame)
  }

  answer(connection: Connection, id: FrameId, ok: unknown): void {
    connection.enqueue(encodeOk(id, ok), true)
  }

  answerError(connection: Connection, id: FrameId | undefined, error: AppError): void {
    this.#metrics.refused(error.code)
    connection.enqueue(encodeError(id, error), true)
  }

  /** For what is no frame at all. Those who do not stop are closed. */
  malformed(connection: Connection, error: AppError): void {
    this.answerError(connection, undefined, error)
    this.#punish(connection, malformedCost)
  }

  #refuse(connection: Connection, id: FrameId | undefined, retryAfterMs: number, detail: string): void {
    this.answerError(connection, id, new AppError('rate-limited', detail, { retryAfterMs }))
    this.#punish(connection, 1)
  }

  #punish(connection: Connection, cost: number): void {
    const waitMs = connection.refusalMeter.take(this.#refusalRate, performance.now(), cost)
    if (waitMs === 0) return
    connection.end(cost === malformedCost ? 'invalid-json' : 'rate-limited', { retryAfterMs: waitMs })
  }

  async #run(
    connection: Connection,
    session: ClientSession,
    route: Route,
    id: FrameId,
    { type, body }: ClientFrame,
  ): Promise<void> {
    const startedMs = performance.now()
    this.#metrics.received(type)
    connection.inFlight++
    try {
      const ok = await route(session, body)
      this.answer(connection, id, ok)
    } catch (thrown) {
      const fields = { sessionId: session.id, projectId: session.projectId, frameType: type }
      this.answerError(connection, id, explain(thrown, this.#logger, fields))
    } finally {
      connection.inFlight--
      this.#metrics.handled(type, performance.now() - startedMs)
    }
  }
}
