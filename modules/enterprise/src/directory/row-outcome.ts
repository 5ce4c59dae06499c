import { AppError, type ErrorCode } from '@parley/contracts'

export interface RowFailure {
  code: ErrorCode
  detail: string
}

/** What became of one row that was put. */
export type RowOutcome = 'changed' | 'unchanged' | RowFailure

/** Of a row that was put alone: its failure is the answer. */
export function requireTaken(outcome: RowOutcome | undefined): void {
  if (typeof outcome === 'object') throw new AppError(outcome.code, outcome.detail)
}

/** Without members that are undefined, as JSON has it. */
export function changeOf<T extends object>(change: T): T {
  return JSON.parse(JSON.stringify(change)) as T
}
