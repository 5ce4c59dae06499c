import { createHmac } from 'node:crypto'
import type { MasterKey } from '@parley/core/secrets'

const label = 'erased-user'

/** How an erased user is known again: by each master key that is kept, the newest first. Hex. */
export function erasedUserHashes(
  masterKey: Pick<MasterKey, 'deriveAll'>,
  projectId: string,
  userId: string,
): string[] {
  const text = JSON.stringify([projectId, userId])
  return masterKey.deriveAll(label).map((key) => createHmac('sha256', key).update(text).digest('hex'))
}
