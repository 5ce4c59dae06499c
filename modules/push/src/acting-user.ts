import { AppError } from '@parley/contracts'
import type { KeyCaller, UserCaller } from '@parley/core/auth'

/** The user a call acts as. A token may name no other; with an API key the user must be named. */
export function requireActingUser(caller: KeyCaller | UserCaller, named: string | undefined): string {
  if (caller.kind === 'key') {
    if (named !== undefined) return named
    throw new AppError('invalid-request', 'With an API key, userId names the acting user', {
      issues: [{ path: 'userId', message: 'is required with an API key' }],
    })
  }
  if (caller.grants !== undefined) throw new AppError('grant-missing', 'This takes a token without grants')
  if (named !== undefined && named !== caller.userId) {
    throw new AppError('forbidden', 'A user token acts for its own user only')
  }
  return caller.userId
}
