import type { IncomingMessage } from 'node:http'
import { type AnySchema, AppError, type FieldIssue, isStorableText } from '@parley/contracts'
import type { z } from 'zod'

const maxIssues = 20

/** Parses one part of a request. Throws `invalid-request` with an issue for each field that does not fit. */
export function parsePart(schema: AnySchema | undefined, value: unknown, prefix: '' | 'query' | 'params') {
  if (schema === undefined) return undefined
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  throw new AppError('invalid-request', undefined, { issues: fieldIssues(parsed.error, prefix) })
}

export function fieldIssues(error: z.ZodError, prefix = ''): FieldIssue[] {
  return error.issues.slice(0, maxIssues).map((issue) => ({
    path: [...(prefix === '' ? [] : [prefix]), ...issue.path.map(String)].join('.').slice(0, 256),
    message: issue.message.slice(0, 256),
  }))
}

/**
 * The query as names and values. A name twice, broken percent-encoding, U+0000 and lone surrogates are errors
 * instead of guesses.
 */
export function parseQuery(search: string): Record<string, string> {
  const values = new Map<string, string>()
  for (const pair of search.split('&')) {
    if (pair === '') continue
    const equals = pair.indexOf('=')
    const name = decodeQuery(equals < 0 ? pair : pair.slice(0, equals))
    const value = decodeQuery(equals < 0 ? '' : pair.slice(equals + 1))
    if (values.has(name)) {
      throw new AppError('invalid-request', 'A query parameter stands twice', {
        issues: [{ path: `query.${name}`.slice(0, 256), message: 'stands twice' }],
      })
    }
    values.set(name, value)
  }
  return Object.fromEntries(values)
}

function decodeQuery(text: string): string {
  const decoded = decodeOnce(text.replaceAll('+', ' '))
  if (decoded === undefined) throw new AppError('invalid-request', 'The query is not valid percent-encoding')
  if (!isStorableText(decoded)) throw new AppError('invalid-request', 'The query holds U+0000')
  return decoded
}

/** Percent-decodes, or answers undefined when the text is not the encoding of UTF-8. */
export function decodeOnce(text: string): string | undefined {
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

/** Reads the whole body. Throws `body-too-large` as soon as more than `limit` bytes are announced or arrived. */
export async function readBody(incoming: IncomingMessage, limit: number): Promise<Buffer> {
  const announced = Number(incoming.headers['content-length'] ?? 0)
  if (announced > limit) throw tooLarge(limit)
  const chunks: Buffer[] = []
  let size = 0
  try {
    // The stream outlives a refusal: what still comes is drained after the answer was sent.
    for await (const chunk of incoming.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      size += chunk.length
      if (size > limit) throw tooLarge(limit)
      chunks.push(chunk)
    }
  } catch (error) {
    if (error instanceof AppError) throw error
    throw new AppError('request-timeout', 'The body did not arrive', { cause: error })
  }
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks)
}

function tooLarge(limit: number): AppError {
  return new AppError('body-too-large', `The body is larger than ${limit} bytes`)
}

const jsonType = /^application\/(?:[\w.+-]+\+)?json\s*(?:;\s*charset="?utf-8"?\s*)?$/i

/** Throws `unsupported-media-type` unless the body is plain JSON in UTF-8. */
export function requireJson(headers: IncomingMessage['headers']): void {
  const type = headers['content-type']
  if (type === undefined || !jsonType.test(type)) {
    throw new AppError('unsupported-media-type', 'The body must be application/json in UTF-8')
  }
  const encoding = headers['content-encoding']
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    throw new AppError('unsupported-media-type', 'The body must not be compressed')
  }
}

/** The version that If-Match names, without quotes; `*` stands for itself. Throws on a list (RFC 9110, 13.1.1). */
export function parseIfMatch(header: string | undefined): string | undefined {
  if (header === undefined) return undefined
  const match = /^(?:W\/)?"([\x21\x23-\x7e]{0,128})"$|^(\*|[\w.-]{1,128})$/.exec(header.trim())
  const tag = match?.[1] ?? match?.[2]
  if (tag === undefined) throw new AppError('invalid-request', 'If-Match must hold one entity tag')
  return tag
}
