import { AppError, newId, toRealtimeError } from '@parley/contracts'
import type { Logger } from '@parley/core/kernel'
import { toAppError } from '../http/problem.ts'

export type FrameId = string | number

export function encodeOk(id: FrameId, ok: unknown): string {
  return `{"re":${JSON.stringify(id)},"ok":${JSON.stringify(ok ?? {})}}`
}

export function encodeError(id: FrameId | undefined, error: AppError): string {
  return JSON.stringify({ ...(id !== undefined && { re: id }), error: toRealtimeError(error) })
}

/** What a client may know of whatever was thrown; the rest is logged under an id that the answer names. */
export function explain(thrown: unknown, logger: Logger, fields: Record<string, unknown>): AppError {
  if (thrown instanceof AppError && thrown.code !== 'internal-error') return thrown
  const error = toAppError(thrown)
  const errorId = newId('request')
  logger.error({ ...fields, error: thrown, errorId }, 'a realtime frame failed')
  return new AppError(error.code, `${error.message} (${errorId})`, { cause: thrown })
}

export function idMissing(): AppError {
  return new AppError('invalid-request', 'The frame wants an id')
}
