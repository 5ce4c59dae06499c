import { type Endpoint, type ErrorCode, errorCodes } from '@parley/contracts'
import { acceptHeader } from './accept-header.ts'
import { ComponentRegistry, type JsonSchema } from './openapi-components.ts'

export interface OpenApiOptions {
  version: string
}

export interface OpenApiParameter {
  name: string
  in: 'path' | 'query' | 'header'
  required: boolean
  description?: string
  schema: JsonSchema
}

export interface OpenApiResponse {
  description: string
  headers?: Record<string, { description: string; schema: JsonSchema }>
  content?: Record<string, { schema: JsonSchema }>
}

export interface OpenApiOperation {
  operationId: string
  tags: string[]
  summary: string
  security: Record<string, string[]>[]
  parameters?: OpenApiParameter[]
  requestBody?: { required: boolean; content: Record<string, { schema: JsonSchema }> }
  responses: Record<string, OpenApiResponse>
}

export interface OpenApiDocument {
  openapi: '3.1.0'
  info: { title: string; version: string; description: string }
  tags: { name: string }[]
  paths: Record<string, Record<string, OpenApiOperation>>
  components: {
    securitySchemes: Record<string, Record<string, string>>
    schemas: Record<string, JsonSchema>
  }
}

const description = `
REST interface of Parley. Servers call with an API key (HTTP Basic \`key:secret\`), clients with a user token
(Bearer). Errors are \`application/problem+json\`; switch on \`code\`. Lists are paged by \`limit\` and \`cursor\`.
POST takes an \`Idempotency-Key\`. Times are RFC 3339 in UTC, durations integer milliseconds. Fields may be added
to answers: pass over what you do not know.`.trim()

const securitySchemes = {
  apiKey: {
    type: 'http',
    scheme: 'basic',
    description: 'API key: user name is the key id, password the secret',
  },
  userToken: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'User token' },
  operatorToken: { type: 'http', scheme: 'bearer', description: 'Token derived from the master key' },
}

const security: Record<Endpoint['auth'], Record<string, string[]>[]> = {
  key: [{ apiKey: [] }],
  user: [{ userToken: [] }],
  'key-or-user': [{ apiKey: [] }, { userToken: [] }],
  operator: [{ operatorToken: [] }],
  none: [],
}

/** The OpenAPI 3.1 document of these endpoints. The same endpoints give the same document, byte for byte. */
export function buildOpenApi(endpoints: readonly Endpoint[], options: OpenApiOptions): OpenApiDocument {
  const components = new ComponentRegistry()
  components.add('Problem', problemSchema)
  const drafts = endpoints.map((endpoint) => [endpoint, operation(endpoint, components)] as const)
  const schemas = components.finish()
  const paths: OpenApiDocument['paths'] = {}
  for (const [endpoint, draft] of drafts) {
    paths[endpoint.path] ??= {}
    Object.assign(paths[endpoint.path] ?? {}, { [endpoint.method.toLowerCase()]: components.resolve(draft) })
    if (acceptHeader(endpoint) !== undefined) {
      Object.assign(paths[endpoint.path] ?? {}, { options: optionsOperation(endpoint, endpoints) })
    }
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Parley', version: options.version, description },
    tags: [...new Set(endpoints.map((endpoint) => endpoint.tag))].map((name) => ({ name })),
    paths,
    components: { securitySchemes, schemas },
  }
}

function operation(endpoint: Endpoint, components: ComponentRegistry): OpenApiOperation {
  const parameters = [
    ...schemaParameters(endpoint, 'path', components),
    ...schemaParameters(endpoint, 'query', components),
    ...headerParameters(endpoint),
  ]
  return {
    operationId: endpoint.name,
    tags: [endpoint.tag],
    summary: endpoint.summary,
    security: security[endpoint.auth],
    ...(parameters.length > 0 && { parameters }),
    ...(endpoint.body && {
      requestBody: {
        required: !endpoint.body.safeParse(undefined).success,
        content: { [endpoint.bodyType ?? 'application/json']: { schema: components.input(endpoint.body) } },
      },
    }),
    responses: { ...success(endpoint, components), ...failures(endpoint) },
  }
}

function schemaParameters(
  endpoint: Endpoint,
  place: 'path' | 'query',
  components: ComponentRegistry,
): OpenApiParameter[] {
  const schema = place === 'path' ? endpoint.params : endpoint.query
  if (schema === undefined) return []
  const { properties = {}, required = [] } = components.input(schema) as {
    properties?: Record<string, JsonSchema>
    required?: string[]
  }
  return Object.entries(properties).map(([name, property]) => {
    const { description: text, ...rest } = property as JsonSchema & { description?: string }
    return {
      name,
      in: place,
      required: place === 'path' || required.includes(name),
      ...(text !== undefined && { description: text }),
      schema: rest,
    }
  })
}

function headerParameters(endpoint: Endpoint): OpenApiParameter[] {
  const headers: OpenApiParameter[] = []
  if (endpoint.method === 'POST' && endpoint.idempotencyKey !== false && endpoint.auth !== 'none') {
    headers.push({
      name: 'Idempotency-Key',
      in: 'header',
      required: false,
      description: 'The same key with the same request within 24 h is answered as the first call was',
      schema: { type: 'string', minLength: 1, maxLength: 255 },
    })
  }
  if (endpoint.errors.includes('version-mismatch')) {
    headers.push({
      name: 'If-Match',
      in: 'header',
      required: endpoint.errors.includes('precondition-required'),
      description: 'The version that was read; another one answers `version-mismatch`',
      schema: { type: 'string' },
    })
  }
  return headers
}

function success(endpoint: Endpoint, components: ComponentRegistry): Record<string, OpenApiResponse> {
  const { answer, status, answerType = 'application/json', answerHeaders, otherStatuses = {} } = endpoint
  const headers = answerHeaders && {
    headers: Object.fromEntries(
      Object.entries(answerHeaders).map(([name, text]) => [
        name,
        { description: text, schema: { type: 'string' } },
      ]),
    ),
  }
  const main =
    answer === undefined
      ? { description: 'Done', ...headers }
      : {
          description: 'Success',
          ...headers,
          content: { [answerType]: { schema: components.output(answer) } },
        }
  const others = Object.entries(otherStatuses).map(([other, text]) => [other, { description: text }])
  return { [status]: main, ...Object.fromEntries(others) }
}

/** OPTIONS of a path that takes other bodies than JSON: which (LDP 1.0 section 7.1, RFC 5789 section 3.1). */
function optionsOperation(endpoint: Endpoint, endpoints: readonly Endpoint[]): OpenApiOperation {
  const accepted = endpoints
    .filter(({ path }) => path === endpoint.path)
    .map(acceptHeader)
    .filter((header) => header !== undefined)
  const headers = Object.fromEntries(
    accepted.map(([name, type]) => [name, { description: `\`${type}\``, schema: { type: 'string' } }]),
  )
  return {
    operationId: `${endpoint.name}Options`,
    tags: [endpoint.tag],
    summary: 'Which methods and content types this path takes; the preflight of browsers',
    security: [],
    responses: {
      200: {
        description: 'Success',
        headers: { Allow: { description: 'Methods', schema: { type: 'string' } }, ...headers },
      },
    },
  }
}

/** Codes that an endpoint may answer beside its own, from its shape. */
function commonCodes(endpoint: Endpoint): ErrorCode[] {
  const codes: ErrorCode[] = [
    'invalid-request',
    'rate-limited',
    'internal-error',
    'overloaded',
    'unavailable',
  ]
  if (endpoint.auth !== 'none') codes.push('unauthenticated')
  if (endpoint.auth === 'key' || endpoint.auth === 'key-or-user') codes.push('key-revoked')
  if (endpoint.auth === 'user' || endpoint.auth === 'key-or-user') {
    codes.push('token-expired', 'token-revoked', 'key-revoked')
  }
  if (endpoint.body) codes.push('body-too-large', 'unsupported-media-type', 'request-timeout')
  if (endpoint.body && endpoint.bodyType === undefined) codes.push('invalid-json')
  if (endpoint.method === 'POST' && endpoint.idempotencyKey !== false && endpoint.auth !== 'none') {
    codes.push('idempotency-key-invalid', 'idempotency-conflict', 'idempotency-in-progress')
  }
  return codes
}

function failures(endpoint: Endpoint): Record<string, OpenApiResponse> {
  const byStatus = new Map<number, Set<ErrorCode>>()
  for (const code of [...endpoint.errors, ...commonCodes(endpoint)]) {
    const { status } = errorCodes[code]
    byStatus.set(status, (byStatus.get(status) ?? new Set()).add(code))
  }
  const sorted = [...byStatus].sort(([one], [other]) => one - other)
  return Object.fromEntries(
    sorted.map(([status, codes]) => [
      String(status),
      {
        description: [...codes].map((code) => `\`${code}\`: ${errorCodes[code].title}`).join('\n\n'),
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    ]),
  )
}

const problemSchema: JsonSchema = {
  type: 'object',
  description: 'RFC 9457 problem details. Switch on `code`; `detail` is for people.',
  properties: {
    type: { type: 'string', format: 'uri' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { type: 'string', enum: Object.keys(errorCodes) },
    detail: { type: 'string' },
    retryable: { type: 'boolean', description: 'Whether the same request may succeed later' },
    requestId: { type: 'string' },
    issues: {
      type: 'array',
      items: {
        type: 'object',
        properties: { path: { type: 'string' }, message: { type: 'string' } },
        required: ['path', 'message'],
      },
    },
    retryAfterMs: { type: 'integer' },
  },
  required: ['type', 'title', 'status', 'code', 'detail', 'retryable'],
}
