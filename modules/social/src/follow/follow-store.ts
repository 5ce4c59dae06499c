import type { Outbox } from '@parley/core/outbox'
import type { Transaction } from '@parley/core/store'
import { changePerson } from '../people/people.ts'

/** Under the locks of both. False when there was none. */
export async function endFollow(
  tx: Transaction,
  outbox: Outbox,
  { projectId, userId, followedId }: { projectId: string; userId: string; followedId: string },
): Promise<boolean> {
  const { rowCount } = await tx.query({
    text: 'delete from social.follows where project_id = $1 and user_id = $2 and followed_id = $3',
    values: [projectId, userId, followedId],
  })
  if (rowCount === 0) return false
  await changePerson(tx, projectId, userId, { following: -1 })
  await changePerson(tx, projectId, followedId, { followers: -1 })
  await tx.query({
    text: `delete from social.interactions
      where project_id = $1 and user_id = $2 and actor_id = $3 and kind = 'followed'`,
    values: [projectId, followedId, userId],
  })
  await outbox.append(tx, [
    { projectId, resource: `user/${userId}`, type: 'user.unfollowed', data: { userId, followedId } },
  ])
  return true
}
