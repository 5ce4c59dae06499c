import { useCommunities } from '../../chat/use-communities.ts'
import { useChats } from '../../chat/use-conversations.ts'
import type { FriendRequestsModel } from '../../social/use-friend-requests.ts'
import type { InteractionsModel } from '../../social/use-interactions.ts'
import type { Area } from './areas.ts'

/** How much waits for the user in each area. */
export function useWaiting(
  requests: FriendRequestsModel,
  interactions: InteractionsModel,
): Partial<Record<Area, number>> {
  const chats = useChats()
  const communities = useCommunities()
  return {
    chats: chats.reduce((sum, { view }) => sum + (view?.unread ?? 0), 0),
    communities: communities.reduce((sum, { unread }) => sum + unread, 0),
    contacts: requests.waiting,
    moments: interactions.unread,
  }
}
