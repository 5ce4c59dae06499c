import { AppError, type Endpoint, type Grants } from '@parley/contracts'
import type { KeyCaller, UserCaller } from '@parley/core/auth'
import type { Gateway, Session } from '@parley/core/gateway'
import type { HttpServer, RouteRequest } from '@parley/core/http'
import type { z } from 'zod'

/** Who does something: a user, or the customer's server in its own right. */
export interface Actor {
  projectId: string
  userId: string | undefined
}
export type UserActor = Actor & { userId: string }

/** Operations of one area, by the type of their realtime frame. */
export type OperationTable = Record<
  string,
  { right: 'send' | 'read'; endpoint: Endpoint; frame: z.ZodObject; answer: z.ZodType }
>

/** By which door an operation came. */
export interface OperationContext {
  /** Rights of a limited token. Absent: all ordinary rights, or an API key. */
  grants?: Grants
  /** Absent over REST. */
  session?: Session
}

export interface OperationCall extends OperationContext {
  type: string
  right: 'send' | 'read'
  actor: Actor
  input: Readonly<Record<string, unknown>>
}

export interface OperationsOptions<Table extends OperationTable> {
  http: HttpServer
  gateway: Gateway
  operations: Table
  /** Throws `grant-missing` unless the token allows the call. Asked before each one. */
  authorize: (call: OperationCall) => Promise<void> | void
}

type Types<Table> = keyof Table & string
type Input<Table extends OperationTable, T extends Types<Table>> = z.output<Table[T]['frame']>
type Answer<Table extends OperationTable, T extends Types<Table>> = z.output<Table[T]['answer']>
type AnyRun = (actor: Actor, input: Record<string, unknown>, context: OperationContext) => Promise<unknown>

/** The user a call acts as: the token's own, or the one an API key names. A token may not name another. */
export function actingUser(caller: KeyCaller | UserCaller, named: string | undefined): string | undefined {
  if (caller.kind === 'key') return named
  if (named !== undefined && named !== caller.userId) {
    throw new AppError('forbidden', 'A user token acts for its own user only')
  }
  return caller.userId
}

/** Opens both doors, REST and realtime, for operations of the contracts. Acting user and grants are judged here. */
export class Operations<Table extends OperationTable> {
  readonly #options: OperationsOptions<Table>

  constructor(options: OperationsOptions<Table>) {
    this.#options = options
  }

  /** For users only: with an API key the request names the acting one. */
  forUsers<T extends Types<Table>>(
    type: T,
    run: (actor: UserActor, input: Input<Table, T>, context: OperationContext) => Promise<Answer<Table, T>>,
  ): void {
    this.forAll(type, (actor, input, context) => {
      const { userId } = actor
      if (userId !== undefined) return run({ ...actor, userId }, input, context)
      throw new AppError('invalid-request', 'With an API key, userId names the acting user', {
        issues: [{ path: 'userId', message: 'is required with an API key' }],
      })
    })
  }

  /** For users, and for the customer's server in its own right. */
  forAll<T extends Types<Table>>(
    type: T,
    run: (actor: Actor, input: Input<Table, T>, context: OperationContext) => Promise<Answer<Table, T>>,
  ): void {
    const { http, gateway, operations, authorize } = this.#options
    const { right, endpoint } = operations[type] as Table[string]
    // The compiler does not connect a generic member of the table with its own input and answer.
    const perform = run as unknown as AnyRun

    const onRequest = async ({ caller, params, query, body }: RouteRequest<Endpoint>) => {
      const asked = caller as KeyCaller | UserCaller
      const fields = { ...(query as object), ...(body as object) } as Record<string, unknown>
      // Where the path names a user already, the acting one has another name.
      const { userId, actingUserId: named = userId, ...rest } = fields
      const input = { ...(params as object), ...rest }
      const actor = { projectId: asked.projectId, userId: actingUser(asked, named as string | undefined) }
      const context = asked.kind === 'user' && asked.grants ? { grants: asked.grants } : {}
      await authorize({ type, right, actor, input, ...context })
      return perform(actor, input, context)
    }
    http.route(endpoint, onRequest as never)

    const onFrame = async (session: Session, body: Record<string, unknown>) => {
      const { projectId, userId, grants } = session
      const { id: _id, type: _type, ...input } = body
      const actor = { projectId, userId }
      const context = { session, ...(grants && { grants }) }
      await authorize({ type, right, actor, input, ...context })
      return perform(actor, input, context)
    }
    gateway.handle(type as never, onFrame as never)
  }
}
