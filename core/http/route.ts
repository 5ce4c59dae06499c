import type { Endpoint, EndpointAnswer, EndpointAuth, EndpointInput } from '@parley/contracts'
import type { AnonymousCaller, Caller, KeyCaller, OperatorCaller, UserCaller } from '@parley/core/auth'
import type { ProjectScope, Queryable } from '@parley/core/store'

interface Callers {
  key: KeyCaller
  user: UserCaller
  'key-or-user': KeyCaller | UserCaller
  operator: OperatorCaller
  none: AnonymousCaller
}

/** Who can stand behind a request of an endpoint with these rights. */
export type CallerOf<Auth extends EndpointAuth> = Callers[Auth]

/** The project of the caller; operators and strangers have none. */
export type ProjectOf<Auth extends EndpointAuth> = Auth extends 'key' | 'user' | 'key-or-user'
  ? ProjectScope
  : undefined

/** What a handler of the endpoint works with. Everything in it is parsed and checked. */
export interface RouteRequest<E extends Endpoint> extends EndpointInput<E> {
  caller: CallerOf<E['auth']>
  /** The database as the project of the caller may see it. */
  project: ProjectOf<E['auth']>
  requestId: string
  remoteAddress: string
  /** The version that If-Match names, without quotes. */
  ifMatch: string | undefined
  /**
   * The same for each attempt at this call under its Idempotency-Key, absent without one: for changes that no transaction
   * of this process holds, so that whoever makes them tells an attempt from another call.
   */
  callKey: string | undefined
  /** Aborts when the client went away. */
  readonly signal: AbortSignal
  /** Sets a header of the answer, when the call succeeds. */
  header(name: string, value: string): void
  /**
   * Stores the answer under the Idempotency-Key inside the transaction of the change, so that change and answer
   * live or die together: a retry after a crash is then answered instead of run again. Nothing without a key.
   */
  settle(tx: Queryable, answer: EndpointAnswer<E>): Promise<void>
}

export type RouteHandler<E extends Endpoint> = (request: RouteRequest<E>) => Promise<EndpointAnswer<E>>

/** An endpoint with its handler, types forgotten: as the server keeps it. */
export interface Route {
  endpoint: Endpoint
  handle(request: AnyRouteRequest): Promise<unknown>
}

export interface AnyRouteRequest {
  params: unknown
  query: unknown
  body: unknown
  caller: Caller
  project: ProjectScope | undefined
  requestId: string
  remoteAddress: string
  ifMatch: string | undefined
  callKey: string | undefined
  readonly signal: AbortSignal
  header(name: string, value: string): void
  settle(tx: Queryable, answer: unknown): Promise<void>
}
