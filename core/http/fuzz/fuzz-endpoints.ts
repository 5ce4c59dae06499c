import { request } from 'node:http'
import { type Endpoint, errorCodes } from '@parley/contracts'
import fc from 'fast-check'
import { z } from 'zod'
import { oddId, oddValue, valueFor } from './odd-values.ts'

export interface FuzzOptions {
  /** Address of the server, such as `http://127.0.0.1:7700`. */
  url: string
  endpoints: readonly Endpoint[]
  /** Whole Authorization headers that are good, by what endpoints want. */
  credentials: { key?: string; user?: string; operator?: string }
  /** Ids that exist, so that calls reach further than `not-found`. */
  knownIds?: readonly string[]
  /** Calls an endpoint; 40 unless told. */
  runsPerEndpoint?: number
  seed?: number
  /** Looks after the calls of each endpoint whether everything still holds; throws when not. */
  invariant?: (endpoint: Endpoint) => Promise<void>
}

/** How often each status was answered, by the name of the endpoint. */
export type FuzzReport = Record<string, Record<number, number>>

interface FuzzCall {
  path: string
  authorization: string | undefined
  body: Buffer | undefined
  headers: Record<string, string>
}

/** Headers that no server may take: missing, malformed, unknown keys, forged tokens, `alg: none`. */
export const badAuthorizations: readonly (string | undefined)[] = [
  undefined,
  'Basic',
  'Basic !!!',
  `Basic ${encode('key_unknown:secret')}`,
  `Basic ${encode('key_unknown:sec:ret')}`,
  `Basic ${encode('\u0000:\u0000')}`,
  'Bearer',
  'Bearer x',
  'Bearer a.b.c',
  `Bearer ${'a'.repeat(7_000)}`,
  `Bearer ${[
    { alg: 'none', typ: 'JWT' },
    { iss: 'key_x', sub: 'anna', exp: 4_102_444_800 },
  ]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')}.`,
  `Bearer ${[{ alg: 'HS256' }, { iss: 'key_x', sub: '\u0000', exp: 'never' }].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')}.AAAA`,
  'Negotiate abc',
]

/**
 * Calls every endpoint with values that fit, nearly fit or do not fit at all, under good and bad credentials.
 * Throws with the shrunk call when an answer is a 5xx, is not problem+json with a known code, lets bad credentials
 * in, or when the server does not live afterwards.
 */
export async function fuzzEndpoints(options: FuzzOptions): Promise<FuzzReport> {
  const report: FuzzReport = {}
  for (const endpoint of options.endpoints) {
    const counts: Record<number, number> = {}
    report[endpoint.name] = counts
    await fc.assert(
      fc.asyncProperty(callOf(endpoint, options), async (call) => {
        const answer = await send(options.url, endpoint.method, call)
        counts[answer.status] = (counts[answer.status] ?? 0) + 1
        judge(endpoint, call, answer)
      }),
      {
        numRuns: options.runsPerEndpoint ?? 40,
        interruptAfterTimeLimit: 60_000,
        includeErrorInReport: true,
        ...(options.seed !== undefined && { seed: options.seed }),
      },
    )
    await options.invariant?.(endpoint)
    const alive = await send(options.url, 'GET', {
      path: '/healthz',
      authorization: undefined,
      body: undefined,
      headers: {},
    })
    if (alive.status !== 200) throw new Error(`the server does not live after ${endpoint.name}`)
  }
  return report
}

function judge(
  endpoint: Endpoint,
  call: FuzzCall,
  answer: { status: number; type: string; body: string },
): void {
  const told = `${endpoint.method} ${call.path} -> ${answer.status} ${answer.body.slice(0, 500)}`
  if (answer.status >= 500) throw new Error(`a 5xx from bad input: ${told}`)
  if (answer.status < 400) {
    if (endpoint.auth !== 'none' && badAuthorizations.includes(call.authorization)) {
      throw new Error(`bad credentials came in: ${told}`)
    }
    return
  }
  if (answer.type !== 'application/problem+json') throw new Error(`an error that is no problem: ${told}`)
  const problem = JSON.parse(answer.body) as { code: string; status: number }
  if (!Object.hasOwn(errorCodes, problem.code)) throw new Error(`an unknown code: ${told}`)
}

function callOf(endpoint: Endpoint, options: FuzzOptions): fc.Arbitrary<FuzzCall> {
  return fc.record({
    path: pathOf(endpoint, options),
    authorization: authorizationOf(endpoint, options),
    body: endpoint.method === 'GET' ? fc.constant(undefined) : bodyOf(endpoint),
    headers: headersOf(endpoint),
  })
}

function pathOf(endpoint: Endpoint, options: FuzzOptions): fc.Arbitrary<string> {
  const known = options.knownIds ?? []
  const id =
    known.length === 0
      ? oddId
      : fc.oneof({ weight: 2, arbitrary: fc.constantFrom(...known) }, { weight: 3, arbitrary: oddId })
  const segments = endpoint.path
    .split('/')
    .map((segment) =>
      segment.startsWith('{')
        ? fc.oneof({ weight: 20, arbitrary: id.map(percentEncode) }, rawSegment)
        : fc.constant(segment),
    )
  const path = fc.tuple(...segments).map((parts) => parts.join('/'))
  return fc
    .tuple(path, queryOf(endpoint))
    .map(([before, query]) => (query === '' ? before : `${before}?${query}`))
}

/** Encodings that are wrong, incomplete or mean something to somebody. */
const rawSegment = {
  weight: 1,
  arbitrary: fc.constantFrom(
    '%',
    '%zz',
    '%ff',
    '%E4%BD',
    '%00',
    '.',
    '..',
    '%2e%2e',
    '%2F',
    ';',
    ':',
    '*',
    '+',
    '%c0%ae',
  ),
}

function queryOf(endpoint: Endpoint): fc.Arbitrary<string> {
  if (endpoint.query === undefined) return fc.constantFrom('', '', '', 'x=1', '%ff', '&&&', '=')
  const schema = z.toJSONSchema(endpoint.query, { io: 'input', unrepresentable: 'any' }) as {
    properties?: object
  }
  const values = Object.entries(schema.properties ?? {}).map(([name, property]) =>
    fc
      .option(valueFor(property as object, { odd: true }), { nil: undefined })
      .map((value) => (value === undefined ? '' : pair(name, value))),
  )
  const fitting = fc.tuple(...values).map((pairs) => pairs.filter((text) => text !== '').join('&'))
  return fc.oneof(
    { weight: 8, arbitrary: fitting },
    { weight: 1, arbitrary: fc.constantFrom('limit=%ff', 'a=1&a=2', 'limit', '?') },
  )
}

function pair(name: string, value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
  return `${name}=${percentEncode(text.slice(0, 1_000))}`
}

function percentEncode(text: string): string {
  return encodeURIComponent(text.toWellFormed())
}

function authorizationOf(endpoint: Endpoint, options: FuzzOptions): fc.Arbitrary<string | undefined> {
  const { key, user, operator } = options.credentials
  const fitting = { key: [key], user: [user], 'key-or-user': [key, user], operator: [operator], none: [] }[
    endpoint.auth
  ]
  const good = fitting.filter((header) => header !== undefined)
  const bad = fc.constantFrom(...badAuthorizations)
  return good.length === 0
    ? bad
    : fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...good) }, { weight: 1, arbitrary: bad })
}

function bodyOf(endpoint: Endpoint): fc.Arbitrary<Buffer | undefined> {
  const json = (value: unknown) => Buffer.from(JSON.stringify(value) ?? '')
  const schema = endpoint.body && z.toJSONSchema(endpoint.body, { io: 'input', unrepresentable: 'any' })
  const valued = (odd: boolean) =>
    schema === undefined ? fc.constant(undefined) : valueFor(schema, { odd }).map(json)
  return fc.oneof(
    { weight: 6, arbitrary: valued(false) },
    { weight: 6, arbitrary: valued(true) },
    { weight: 1, arbitrary: oddValue.map(json) },
    { weight: 1, arbitrary: fc.constantFrom(...brokenBodies) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)) },
  )
}

const brokenBodies: readonly Buffer[] = [
  '',
  '{',
  '{"a":',
  'null',
  '"text"',
  '{"id":"\\u0000"}',
  '{"id":"\\ud800"}',
  '{"__proto__":{"admin":true}}',
  '{"id":"a","id":"b"}',
  '['.repeat(50_000),
  `${'['.repeat(5_000)}${']'.repeat(5_000)}`,
  `{"id":"${'a'.repeat(1_100_000)}"}`,
  `[${'1,'.repeat(200_000)}1]`,
].map((text) => Buffer.from(text))

function headersOf(endpoint: Endpoint): fc.Arbitrary<Record<string, string>> {
  const type = fc.constantFrom(
    ...Array(12).fill('application/json'),
    'text/plain',
    '',
    'application/json; charset=latin1',
  )
  const idempotency = fc.constantFrom(...Array(6).fill(undefined), 'once', 'a b', 'x'.repeat(300), '""')
  const ifMatch = fc.constantFrom(
    ...Array(6).fill(undefined),
    '"1"',
    '*',
    '"99999999999999999999"',
    '"a", "b"',
    'x y',
  )
  return fc.record({ type, idempotency, ifMatch }).map((chosen) => ({
    ...(endpoint.method !== 'GET' && chosen.type !== '' && { 'content-type': chosen.type as string }),
    ...(chosen.idempotency !== undefined && { 'idempotency-key': chosen.idempotency as string }),
    ...(chosen.ifMatch !== undefined && { 'if-match': chosen.ifMatch as string }),
  }))
}

/** By node:http, because fetch mends odd paths before it sends them. */
function send(
  url: string,
  method: string,
  call: FuzzCall,
): Promise<{ status: number; type: string; body: string }> {
  const { hostname, port } = new URL(url)
  const headers: Record<string, string | number> = { ...call.headers }
  if (call.authorization !== undefined) headers.authorization = call.authorization
  if (call.body !== undefined) headers['content-length'] = call.body.length
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { hostname, port, method, path: call.path, headers, agent: false },
      (incoming) => {
        const chunks: Buffer[] = []
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
        incoming.on('error', reject)
        incoming.on('end', () => {
          const type = incoming.headers['content-type'] ?? ''
          resolve({ status: incoming.statusCode ?? 0, type, body: Buffer.concat(chunks).toString() })
        })
      },
    )
    outgoing.on('error', reject)
    outgoing.end(call.body)
  })
}

function encode(text: string): string {
  return Buffer.from(text).toString('base64')
}
