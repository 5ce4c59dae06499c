import type { z } from 'zod'
import type { ErrorCode } from './errors.ts'

/**
 * Who may call: `key` a server with an API key (HTTP Basic `key:secret`), `user` a client with a user token
 * (Bearer), `operator` whoever holds the master key of the installation, `none` anyone.
 */
export type EndpointAuth = 'key' | 'user' | 'key-or-user' | 'operator' | 'none'

export type AnySchema = z.ZodType

/** One REST endpoint: the only place where its path, schemas, rights and errors are written down. */
export interface Endpoint<
  Params extends AnySchema = AnySchema,
  Query extends AnySchema = AnySchema,
  Body extends AnySchema = AnySchema,
  Answer extends AnySchema = AnySchema,
  Auth extends EndpointAuth = EndpointAuth,
> {
  /** operationId of OpenAPI and method name of the typed clients. */
  name: string
  tag: string
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Path with `{name}` placeholders. */
  path: string
  summary: string
  auth: Auth
  params?: Params
  query?: Query
  body?: Body
  /** Content type of a body that is no JSON; `body` describes its text. Such endpoints tell it to OPTIONS. */
  bodyType?: string
  status: 200 | 201 | 202 | 204
  answer?: Answer
  /** Content type of an answer that is no JSON; `answer` describes its text. */
  answerType?: string
  /** Headers of the answer that belong to its meaning, by name. */
  answerHeaders?: Readonly<Record<string, string>>
  /** Further statuses of success without a body, and what they mean. */
  otherStatuses?: Readonly<Record<number, string>>
  /** Codes beyond those every endpoint may answer (invalid-request, unauthenticated, rate-limited, ...). */
  errors: readonly ErrorCode[]
  /** POST endpoints take Idempotency-Key unless this says `false` (RFC 9725, tus and S3 have their own ways). */
  idempotencyKey?: boolean
  /**
   * Whether calls by API keys and operators stand in the audit log. By default all that change something and take
   * no user token; `false` for the daily work of a server, `true` for what users may call as well.
   */
  audit?: boolean
}

/** Keeps the literal schema types of an endpoint. */
export function endpoint<
  Params extends AnySchema = z.ZodUndefined,
  Query extends AnySchema = z.ZodUndefined,
  Body extends AnySchema = z.ZodUndefined,
  Answer extends AnySchema = z.ZodUndefined,
  Auth extends EndpointAuth = EndpointAuth,
>(definition: Endpoint<Params, Query, Body, Answer, Auth>): Endpoint<Params, Query, Body, Answer, Auth> {
  return definition
}

type Parsed<Schema> = z.output<Extract<Schema, AnySchema>>
type Given<Schema> = z.input<Extract<Schema, AnySchema>>

/** What a handler of the endpoint receives after parsing. */
export interface EndpointInput<E extends Endpoint> {
  params: Parsed<E['params']>
  query: Parsed<E['query']>
  body: Parsed<E['body']>
}

/** What a typed client passes in. */
export interface EndpointRequest<E extends Endpoint> {
  params: Given<E['params']>
  query: Given<E['query']>
  body: Given<E['body']>
}

export type EndpointAnswer<E extends Endpoint> = Parsed<E['answer']>
