import { AppError } from '@parley/contracts'
import pg from 'pg'

const constraintKinds = {
  '23502': 'not-null',
  '23503': 'foreign-key',
  '23505': 'unique',
  '23514': 'check',
  '23P01': 'exclusion',
} as const

export type ConstraintKind = (typeof constraintKinds)[keyof typeof constraintKinds]

/** A statement contradicts a constraint. The caller says what that means to its own callers. */
export class ConstraintViolation extends Error {
  override readonly name = 'ConstraintViolation'
  readonly kind: ConstraintKind
  readonly schema: string | undefined
  readonly table: string | undefined
  readonly column: string | undefined
  /** Name of the constraint or of its unique index. */
  readonly constraint: string | undefined

  constructor(kind: ConstraintKind, cause: pg.DatabaseError) {
    super(cause.message, { cause })
    this.kind = kind
    this.schema = cause.schema
    this.table = cause.table
    this.column = cause.column
    this.constraint = cause.constraint
  }
}

/** Whether `error` is a violation of a unique constraint; of the named one, when a name is given. */
export function isUniqueViolation(error: unknown, constraint?: string): error is ConstraintViolation {
  return (
    error instanceof ConstraintViolation &&
    error.kind === 'unique' &&
    (constraint === undefined || error.constraint === constraint)
  )
}

/** What became of a connection whose statement failed. */
export type Damage = 'statement' | 'connection'

const connectionErrnos = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ENOENT',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
])

/** Admin shutdown, crash shutdown, starting up, idle or transaction timeout: the server has hung up. */
const hangUps = new Set(['57P01', '57P02', '57P03', '57P05', '25P03', '25P04'])

export function damageOf(error: unknown): Damage {
  if (error instanceof pg.DatabaseError) {
    const code = error.code ?? ''
    return code.startsWith('08') || hangUps.has(code) || error.severity === 'FATAL'
      ? 'connection'
      : 'statement'
  }
  return isConnectionLoss(error) ? 'connection' : 'statement'
}

function isConnectionLoss(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if (error instanceof AggregateError) return error.errors.some(isConnectionLoss)
  if ('code' in error && typeof error.code === 'string' && connectionErrnos.has(error.code)) return true
  return /^(Connection terminated|Client has encountered a connection error|Client was closed|timeout expired|Query read timeout)/.test(
    error.message,
  )
}

/** The transaction was undone by the database and may be run again as it is. */
export function isRepeatable(error: unknown): boolean {
  const cause = error instanceof AppError ? error.cause : error
  if (!(cause instanceof pg.DatabaseError)) return false
  return cause.code === '40001' || cause.code === '40P01' || isStalePlan(cause)
}

/** A migration has changed what a prepared statement returns; a fresh connection prepares it anew. */
export function isStalePlan(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === '0A000' && /cached plan/.test(error.message)
}

/** Gives a driver error the name that callers switch on; leaves what is none of the database's alone. */
export function translateError(error: unknown): unknown {
  if (error instanceof AppError || error instanceof ConstraintViolation) return error
  if (damageOf(error) === 'connection')
    return new AppError('unavailable', 'The database cannot be reached now', {
      cause: error,
      retryAfterMs: 1_000,
    })
  if (!(error instanceof pg.DatabaseError)) return error
  return translateDatabaseError(error)
}

function translateDatabaseError(error: pg.DatabaseError): unknown {
  const code = error.code ?? ''
  const kind = constraintKinds[code as keyof typeof constraintKinds]
  if (kind !== undefined) return new ConstraintViolation(kind, error)
  if (code === '53100' || /No space left on device/.test(error.message))
    return new AppError('storage-full', 'The database has no room left', {
      cause: error,
      retryAfterMs: 10_000,
    })
  if (code.startsWith('53') || code === '55P03' || code === '40001' || code === '40P01')
    return new AppError('overloaded', 'The database is too busy', { cause: error, retryAfterMs: 1_000 })
  if (code === '57014')
    return new AppError('overloaded', 'The database took too long', { cause: error, retryAfterMs: 1_000 })
  return error
}
