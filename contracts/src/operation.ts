import { z } from 'zod'
import { actingUser } from './chat-parameters.ts'
import { type Endpoint, endpoint } from './endpoint.ts'
import type { ErrorCode } from './errors.ts'

type Method = Endpoint['method']
type Fields = z.core.$ZodLooseShape
/** Where the path names a user already, the acting one has a name of its own. */
type ActingUser<Params extends Fields> = Params extends { userId: unknown }
  ? { actingUserId: (typeof actingUser)['userId'] }
  : typeof actingUser
type Acting<Params extends Fields, Input extends Fields> = z.ZodObject<Input & ActingUser<Params>>
type InQuery<M extends Method> = M extends 'GET' | 'DELETE' ? true : false

export interface OperationDefinition<
  Name extends string,
  M extends Method,
  Params extends Fields,
  Input extends Fields,
  Answer extends z.ZodType,
> {
  /** operationId of the endpoint and method name of the typed clients. */
  name: Name
  tag: string
  method: M
  path: string
  summary: string
  /** The grant of a limited token that this takes. */
  right: 'send' | 'read'
  params?: Params
  /** Query of GET and DELETE, body of the others. */
  input: Input
  status: 200 | 201
  answer: Answer
  errors: readonly ErrorCode[]
  idempotencyKey?: boolean
}

/** What a user may do over REST and over the realtime connection alike: one definition, both doors. */
export interface Operation<
  Name extends string,
  M extends Method,
  Params extends Fields,
  Input extends Fields,
  Answer extends z.ZodType,
> {
  name: Name
  right: 'send' | 'read'
  endpoint: Endpoint<
    z.ZodObject<Params>,
    InQuery<M> extends true ? Acting<Params, Input> : z.ZodUndefined,
    InQuery<M> extends true ? z.ZodUndefined : Acting<Params, Input>,
    Answer,
    'key-or-user'
  >
  /** Params and input in one object; the acting user is the session's. */
  frame: z.ZodObject<Params & Input>
  answer: Answer
}

export function operation<
  const Name extends string,
  const M extends Method,
  Params extends Fields,
  Input extends Fields,
  Answer extends z.ZodType,
>(
  definition: OperationDefinition<Name, M, Params, Input, Answer>,
): Operation<Name, M, Params, Input, Answer> {
  const { right, params = {} as Params, input, answer, ...rest } = definition
  const acting = 'userId' in params ? { actingUserId: actingUser.userId } : actingUser
  const given = z.object({ ...input, ...acting })
  const inQuery = rest.method === 'GET' || rest.method === 'DELETE'
  // A body that may be empty may be absent; its fields get their defaults all the same.
  const body = given.safeParse({}).success ? given.prefault({} as never) : given
  const made = endpoint({
    ...rest,
    auth: 'key-or-user',
    params: z.object(params),
    ...(inQuery ? { query: given } : { body }),
    answer,
  })
  return {
    name: rest.name,
    right,
    endpoint: made as unknown as Operation<Name, M, Params, Input, Answer>['endpoint'],
    frame: z.object({ ...params, ...input }),
    answer,
  }
}

interface AnyOperation {
  name: string
  endpoint: Endpoint
  frame: z.ZodObject
  answer: z.ZodType
}
type Operations = Record<string, AnyOperation>

export type OperationEndpoints<Ops extends Operations> = {
  [Key in keyof Ops as Ops[Key]['name']]: Ops[Key]['endpoint']
}
export type OperationFrames<Ops extends Operations> = { [Key in keyof Ops]: Ops[Key]['frame'] }
export type OperationAnswers<Ops extends Operations> = { [Key in keyof Ops]: z.output<Ops[Key]['answer']> }

export function endpointsOf<Ops extends Operations>(operations: Ops): OperationEndpoints<Ops> {
  const entries = Object.values(operations).map((each) => [each.name, each.endpoint])
  return Object.fromEntries(entries) as OperationEndpoints<Ops>
}

export function framesOf<Ops extends Operations>(operations: Ops): OperationFrames<Ops> {
  const entries = Object.entries(operations).map(([type, { frame }]) => [type, frame])
  return Object.fromEntries(entries) as OperationFrames<Ops>
}
