import { AppError, type FieldIssue } from '@parley/contracts'
import type { z } from 'zod'
import { parseJsonText } from '../http/json.ts'

export interface ReadingLimits {
  maxFrameDepth: number
  maxFramesPerArray: number
}

/** The dress of a client frame, checked; the body is still to be parsed by its type. */
export interface ClientFrame {
  id: string | number | undefined
  type: string
  body: object
}

/**
 * What one WebSocket message holds: one value, or those of an array. Throws an AppError with `invalid-json` or
 * `invalid-request`.
 */
export function readMessage(text: string, limits: ReadingLimits): unknown[] {
  const value = parseJsonText(text, { maxDepth: limits.maxFrameDepth })
  if (!Array.isArray(value)) return [value]
  if (value.length > limits.maxFramesPerArray) {
    throw new AppError('invalid-request', `An array holds at most ${limits.maxFramesPerArray} frames`)
  }
  return value
}

const maxIdLength = 64
const maxTypeLength = 64

/** As `frameEnvelope` of the contracts, by hand, since it runs for every frame. Undefined: it is no frame. */
export function readFrame(value: unknown): ClientFrame | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const { type } = value as { type?: unknown }
  if (typeof type !== 'string' || type.length > maxTypeLength) return undefined
  const { id } = value as { id?: unknown }
  if (id !== undefined && !isFrameId(id)) return undefined
  return { id, type, body: value }
}

function isFrameId(id: unknown): id is string | number {
  return typeof id === 'string' ? id.length <= maxIdLength : Number.isSafeInteger(id)
}

const maxIssues = 20

/** Throws an AppError with `invalid-request` that names the fields. */
export function parseBody<S extends z.ZodType>(schema: S, body: unknown): z.output<S> {
  const parsed = schema.safeParse(body)
  if (parsed.success) return parsed.data
  const issues: FieldIssue[] = parsed.error.issues
    .slice(0, maxIssues)
    .map((issue) => ({ path: issue.path.map(String).join('.'), message: issue.message }))
  throw new AppError('invalid-request', undefined, { issues })
}
