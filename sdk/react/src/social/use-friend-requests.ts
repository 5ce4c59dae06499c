import type { FriendRequest } from '@parley/client'
import { friendsOf } from '@parley/client'
import { useCallback, useMemo } from 'react'
import { useParley } from '../parley-context.ts'
import { type Pages, usePages } from '../use-pages.ts'
import { useSocialEvent } from './use-social-event.ts'

export interface FriendRequestsModel {
  received: Pages<FriendRequest>
  sent: Pages<FriendRequest>
  /** Received ones that wait for an answer, among those that are loaded. */
  waiting: number
  accept: (requestId: string, remark?: string) => Promise<void>
  reject: (requestId: string, reason?: string) => Promise<void>
  withdraw: (requestId: string) => Promise<void>
}

/** Who wants to become a friend, and whom the user asked; newest first, live. */
export function useFriendRequests(): FriendRequestsModel {
  const { chat } = useParley()
  const friends = useMemo(() => friendsOf(chat), [chat])
  const received = usePages(
    useCallback(
      (page: { cursor?: string }) => friends.requests({ ...page, direction: 'received' }),
      [friends],
    ),
  )
  const sent = usePages(
    useCallback((page: { cursor?: string }) => friends.requests({ ...page, direction: 'sent' }), [friends]),
  )
  const refresh = async () => {
    await Promise.all([received.refresh(), sent.refresh()])
  }
  useSocialEvent(({ type }) => {
    if (type === 'friend.requested' || type === 'friend.decided' || type === 'friend.changed') void refresh()
  })
  const decide = async (work: Promise<unknown>) => {
    await work
    await refresh()
  }
  return {
    received,
    sent,
    waiting: received.items.filter(({ status }) => status === 'pending').length,
    accept: (requestId, remark) => decide(friends.accept(requestId, remark)),
    reject: (requestId, reason) => decide(friends.reject(requestId, reason)),
    withdraw: (requestId) => decide(friends.withdraw(requestId)),
  }
}
