import {
  AppError,
  type EnterpriseOperationAnswers,
  type EnterpriseOperations,
  enterpriseOperations,
  type Grants,
} from '@parley/contracts'
import type { Gateway, Session } from '@parley/core/gateway'
import type { HttpServer } from '@parley/core/http'
import type { z } from 'zod'

export type OperationType = keyof EnterpriseOperations
export type OperationInput<T extends OperationType> = z.output<EnterpriseOperations[T]['frame']>
export type OperationAnswer<T extends OperationType> = EnterpriseOperationAnswers[T]

/** Who asks: a user, or the customer's server with an API key (no user named). */
export interface Actor {
  projectId: string
  userId: string | undefined
}
export type UserActor = Actor & { userId: string }

type Caller =
  | { kind: 'key'; projectId: string }
  | { kind: 'user'; projectId: string; userId: string; grants?: Grants }
type AnyRun = (actor: Actor, input: Record<string, unknown>, grants: Grants | undefined) => Promise<unknown>

/** Opens both doors, REST and realtime, for what users do in their organisation. */
export class Doors {
  readonly #http: HttpServer
  readonly #gateway: Gateway

  constructor({ http, gateway }: { http: HttpServer; gateway: Gateway }) {
    this.#http = http
    this.#gateway = gateway
  }

  /** For users only: with an API key the request names the acting one. */
  forUsers<T extends OperationType>(
    type: T,
    run: (
      actor: UserActor,
      input: OperationInput<T>,
      grants: Grants | undefined,
    ) => Promise<OperationAnswer<T>>,
  ): void {
    this.forAll(type, (actor, input, grants) => {
      const { userId } = actor
      if (userId !== undefined) return run({ ...actor, userId }, input, grants)
      throw new AppError('invalid-request', 'With an API key, userId names the acting user', {
        issues: [{ path: 'userId', message: 'is required with an API key' }],
      })
    })
  }

  /** For users, and for the customer's server in its own right. */
  forAll<T extends OperationType>(
    type: T,
    run: (actor: Actor, input: OperationInput<T>, grants: Grants | undefined) => Promise<OperationAnswer<T>>,
  ): void {
    const { endpoint } = enterpriseOperations[type]
    const namesUser = endpoint.path.includes('{userId}')
    const perform = run as unknown as AnyRun
    const onRequest = (request: {
      caller: Caller
      params: Record<string, unknown>
      query?: Record<string, unknown>
      body?: Record<string, unknown>
    }) => {
      const { caller, params, query, body } = request
      const { userId, actingUserId, ...rest } = { ...query, ...body }
      const named = (namesUser ? actingUserId : userId) as string | undefined
      const actor = { projectId: caller.projectId, userId: actingUser(caller, named) }
      return perform(actor, { ...params, ...rest }, caller.kind === 'user' ? caller.grants : undefined)
    }
    this.#http.route(endpoint as never, onRequest as never)
    const onFrame = ({ projectId, userId, grants }: Session, body: Record<string, unknown>) => {
      const { id: _id, type: _type, ...input } = body
      return perform({ projectId, userId }, input, grants)
    }
    this.#gateway.handle(type, onFrame as never)
  }
}

function actingUser(caller: Caller, named: string | undefined): string | undefined {
  if (caller.kind === 'key') return named
  if (named !== undefined && named !== caller.userId)
    throw new AppError('forbidden', 'A user token acts for its own user only')
  return caller.userId
}

/** A token that is limited to some rights opens neither directory nor approvals. */
export function requireUnlimited(grants: Grants | undefined): void {
  if (grants !== undefined) throw new AppError('grant-missing', 'A limited token opens no directory')
}
