import type { ChatRoom, ChatRoomRestriction } from '@parley/client'
import { listChatRoomRestrictions, restrictInChatRoom, unrestrictInChatRoom } from '@parley/client'
import { useCallback } from 'react'
import { useParley } from '../parley-context.ts'
import { useEvery } from '../use-every.ts'
import { type Pages, usePages } from '../use-pages.ts'

const askEveryMs = 5_000

/** Who is in a chat room now, page by page, asked anew every five seconds while the page is seen. */
export function useChatRoomUsers(room: ChatRoom): Pages<{ userId: string; joinedAt: string }> {
  const list = usePages(
    useCallback((page: { cursor?: string }) => room.users({ limit: 100, ...page }), [room]),
  )
  // Who has gone on to further pages is not thrown back to the first.
  useEvery(askEveryMs, () => {
    if (list.items.length <= 100) void list.refresh()
  })
  return list
}

export interface RestrictionsModel extends Pages<ChatRoomRestriction> {
  add: (userId: string, untilMs?: number) => Promise<void>
  remove: (userId: string) => Promise<void>
}

/** Who is muted, banned or allowed in a chat room, for its owner and admins. */
export function useChatRoomRestrictions(
  chatRoomId: string,
  kind: ChatRoomRestriction['kind'],
): RestrictionsModel {
  const { chat } = useParley()
  const list = usePages(
    useCallback(
      (page: { cursor?: string }) => listChatRoomRestrictions(chat, chatRoomId, kind, page),
      [chat, chatRoomId, kind],
    ),
  )
  return {
    ...list,
    add: async (memberId, untilMs) => {
      await restrictInChatRoom(chat, chatRoomId, {
        kind,
        memberId,
        ...(untilMs !== undefined && { untilMs }),
      })
      await list.refresh()
    },
    remove: async (memberId) => {
      await unrestrictInChatRoom(chat, chatRoomId, kind, memberId)
      await list.refresh()
    },
  }
}
