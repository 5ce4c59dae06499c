import type { Endpoint, EndpointAnswer, EndpointRequest } from '@parley/contracts'
import type { CallOptions } from './rest-client.ts'

type Contracts = typeof import('@parley/contracts')
type EndpointGroups = {
  [Name in keyof Contracts as Name extends `${string}Endpoints` ? Name : never]: Contracts[Name]
}
type Intersection<Union> = (Union extends unknown ? (value: Union) => void : never) extends (
  value: infer Both,
) => void
  ? Both
  : never

type AllEndpoints = Intersection<EndpointGroups[keyof EndpointGroups]>

/** Every endpoint of the contracts that takes an API key (or nothing), by name. */
export type ApiEndpoints = {
  [Name in keyof AllEndpoints as AllEndpoints[Name] extends { auth: 'key' | 'key-or-user' | 'none' }
    ? Name
    : never]: AllEndpoints[Name]
}

type Fields<Part> = [Part] extends [undefined] ? unknown : NonNullable<Part>
type Flat<Type> = { [Name in keyof Type]: Type[Name] }

/** Path, query and body fields of an endpoint in one object; their names do not collide. */
export type ApiInput<E extends Endpoint> = Flat<
  Fields<EndpointRequest<E>['params']> &
    Fields<EndpointRequest<E>['query']> &
    Fields<EndpointRequest<E>['body']>
>

type Call<E extends Endpoint> =
  Record<never, never> extends ApiInput<E>
    ? (input?: ApiInput<E>, options?: CallOptions) => Promise<EndpointAnswer<E>>
    : (input: ApiInput<E>, options?: CallOptions) => Promise<EndpointAnswer<E>>

/** One method for each endpoint, named and typed by the contracts. Each rejects with a ParleyError. */
export type Api = {
  [Name in keyof ApiEndpoints]: ApiEndpoints[Name] extends Endpoint ? Call<ApiEndpoints[Name]> : never
}
