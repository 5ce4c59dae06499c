import { AppError, type Grants } from '@parley/contracts'
import type { KeyCaller, UserCaller } from '@parley/core/auth'

/** A user acts on itself only; a key acts on every user of its project. Throws `forbidden`. */
export function requireSelf(caller: KeyCaller | UserCaller, userId: string): void {
  if (caller.kind === 'user' && caller.userId !== userId) {
    throw new AppError('forbidden', 'A user token opens this for its own user only')
  }
}

/** Given grants are exhaustive and none of them opens this. Throws `grant-missing`. */
export function requireNoGrants(caller: KeyCaller | UserCaller): void {
  if (caller.kind === 'user' && caller.grants) {
    throw new AppError('grant-missing', 'This takes a token without grants')
  }
}

/** Who others are and whether they are there goes with reading chats. Throws `grant-missing`. */
export function requireReadingOthers(grants: Grants | undefined): void {
  if (grants && (!grants.chat || grants.chat.read === false)) {
    throw new AppError('grant-missing', 'This takes a token without grants or with chat.read')
  }
}
