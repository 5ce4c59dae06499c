import type { Conversation, Parley } from '@parley/client'
import { useCallback, useEffect, useReducer, useRef } from 'react'

export type NameOf = (userId: string) => string

/** Names of users: the id until the profile has come. */
export function useNames(parley: Parley): NameOf {
  const names = useRef(new Map<string, string>())
  const asked = useRef(new Set<string>())
  const live = useRef(true)
  const [version, refresh] = useReducer((count: number) => count + 1, 0)
  useEffect(() => {
    live.current = true
    return () => {
      live.current = false
    }
  }, [])
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new function tells the tree that names have come.
  return useCallback(
    (userId) => {
      if (!asked.current.has(userId) && userId !== '') {
        asked.current.add(userId)
        queueMicrotask(() => {
          parley.users.get(userId).then(
            ({ name }) => {
              if (!name || !live.current) return
              names.current.set(userId, name)
              refresh()
            },
            () => asked.current.delete(userId),
          )
        })
      }
      return names.current.get(userId) ?? capitalised(userId)
    },
    [parley, version],
  )
}

export function titleOf(conversation: Conversation, nameOf: NameOf): string {
  const { view, peerId } = conversation
  if (peerId !== undefined) return nameOf(peerId)
  return view?.name ?? '…'
}

/** What stands for a name until the profile is there. */
export function capitalised(userId: string): string {
  return userId.charAt(0).toUpperCase() + userId.slice(1)
}
