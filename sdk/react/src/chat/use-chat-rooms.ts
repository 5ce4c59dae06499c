import type { ChatRoomFacts, ParleyError } from '@parley/client'
import { getChatRoom, listChatRooms } from '@parley/client'
import { useCallback, useEffect, useRef, useState } from 'react'
import { useParley } from '../parley-context.ts'
import { useEvery } from '../use-every.ts'
import { type Pages, usePages } from '../use-pages.ts'

export type ListedChatRoom =
  | { id: string; status: 'loading' | 'gone' | 'failed' }
  | { id: string; status: 'ready'; facts: ChatRoomFacts }

const askEveryMs = 10_000
const pageSize = 50

/** Chat rooms that the user may find and enter, the newest first, asked anew every ten seconds while the page is seen. */
export function useOpenChatRooms(): Pages<ChatRoomFacts> {
  const { chat } = useParley()
  const list = usePages(
    useCallback((page: { cursor?: string }) => listChatRooms(chat, { limit: pageSize, ...page }), [chat]),
  )
  // Who has gone on to further pages is not thrown back to the first.
  useEvery(askEveryMs, () => {
    if (list.items.length <= pageSize) void list.refresh()
  })
  return list
}

/**
 * Name, rules and online count of the chat rooms named, asked anew every ten seconds while the page is seen; being in a
 * room is `useChatRoom`.
 */
export function useChatRooms(ids: readonly string[]): {
  rooms: readonly ListedChatRoom[]
  refresh: () => void
} {
  const { chat } = useParley()
  const [known, setKnown] = useState<ReadonlyMap<string, ListedChatRoom>>(new Map())
  const run = useRef(0)
  const wanted = ids.join('\n')
  const refresh = useCallback(() => {
    const own = ++run.current
    for (const id of wanted === '' ? [] : wanted.split('\n')) {
      const put = (room: ListedChatRoom) => {
        if (own === run.current) setKnown((before) => new Map(before).set(id, room))
      }
      getChatRoom(chat, id).then(
        (facts) => put({ id, status: 'ready', facts }),
        (error: ParleyError) => {
          if (error.code === 'room-not-found') put({ id, status: 'gone' })
          else
            setKnown((before) =>
              before.has(id) ? before : new Map(before).set(id, { id, status: 'failed' }),
            )
        },
      )
    }
  }, [chat, wanted])
  useEffect(() => {
    refresh()
    const put = (id: string, change: (facts: ChatRoomFacts) => ChatRoomFacts) =>
      setKnown((before) => {
        const room = before.get(id)
        if (room?.status !== 'ready') return before
        return new Map(before).set(id, { ...room, facts: change(room.facts) })
      })
    const stops = [
      chat.on('sync', refresh),
      // What is told of the rooms that the user is in.
      chat.on('chat-room', (event) => {
        if (event.type === 'chatroom.changed') put(event.room.id, () => event.room)
        if (event.type === 'chatroom.online') {
          put(event.chatRoomId, (facts) => ({ ...facts, online: event.online }))
        }
      }),
    ]
    return () => {
      run.current++
      for (const stop of stops) stop()
    }
  }, [chat, refresh])
  useEvery(askEveryMs, refresh)
  return { rooms: ids.map((id) => known.get(id) ?? { id, status: 'loading' }), refresh }
}
