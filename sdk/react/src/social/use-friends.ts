import type { Friend, Friends } from '@parley/client'
import { useCallback, useMemo, useSyncExternalStore } from 'react'
import { useParley } from '../parley-context.ts'
import { friendBookOf } from './friend-book.ts'

export interface FriendsModel {
  status: 'loading' | 'ready' | 'failed'
  friends: readonly Friend[]
  friendOf: (userId: string) => Friend | undefined
  /** Groups of friends with how many are in each, by name. */
  labels: readonly { label: string; count: number }[]
  /** Everything that can be done with friends; what it changes comes back into this model. */
  actions: Friends
  refresh: () => Promise<void>
}

/** The friends of the user, kept in step. Their remarks are their names wherever `useNames` gives names. */
export function useFriends(): FriendsModel {
  const book = friendBookOf(useParley())
  const subscribe = useCallback((changed: () => void) => book.listen(changed), [book])
  const list = useSyncExternalStore(subscribe, () => book.list)
  return useMemo(() => {
    const friends = [...list.friends.values()]
    return {
      status: list.status,
      friends,
      friendOf: (userId: string) => list.friends.get(userId),
      labels: countLabels(friends),
      actions: book.friends,
      refresh: () => book.sync(),
    }
  }, [list, book])
}

function countLabels(friends: readonly Friend[]): { label: string; count: number }[] {
  const counts = new Map<string, number>()
  for (const { labels } of friends) {
    for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1)
  }
  return [...counts]
    .map(([label, count]) => ({ label, count }))
    .sort((one, other) => one.label.localeCompare(other.label))
}
