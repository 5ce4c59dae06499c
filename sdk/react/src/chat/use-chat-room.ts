import type {
  ChatRoom,
  ChatRoomAttribute,
  ChatRoomEvents,
  ChatRoomFacts,
  ChatRoomMessage,
  MessageContent,
  ParleyError,
} from '@parley/client'
import { joinChatRoom } from '@parley/client'
import { useCallback, useEffect, useRef, useState } from 'react'
import { useParley } from '../parley-context.ts'

/** What can be given in a chat room, as the application has it in its catalogue. */
export type GivenGift = Parameters<ChatRoom['give']>[0]

export interface ChatRoomModel {
  status: 'joining' | 'joined' | 'left' | 'failed'
  error: ParleyError | undefined
  /** Why it is heard no more. */
  left: ChatRoomEvents['left'] | undefined
  room: ChatRoom | undefined
  facts: ChatRoomFacts | undefined
  /** Ascending; of a long stay the latest only, unless older ones were asked for. */
  messages: readonly ChatRoomMessage[]
  /** So many of lower priority were left out under load. */
  dropped: number
  attributes: readonly ChatRoomAttribute[]
  role: 'owner' | 'admin' | 'visitor'
  /** Likes of this visit: those of the others, and own ones. */
  likes: number
  like: () => void
  send: (what: { text: string } | { content: MessageContent }) => Promise<void>
  give: (gift: GivenGift) => Promise<void>
  /** The room keeps what was said, and there is more of it. */
  hasOlder: boolean
  loadOlder: () => Promise<void>
  rejoin: () => void
}

const mostKept = 500
const pageSize = 50
const likesGatherMs = 800
/** Messages of this kind are counted, not shown. */
export const likeKind = 'parley.like'

interface Stay {
  room?: ChatRoom
  facts?: ChatRoomFacts
  messages: readonly ChatRoomMessage[]
  attributes: readonly ChatRoomAttribute[]
  dropped: number
  likes: number
  hasOlder: boolean
  left?: ChatRoomEvents['left']
  error?: ParleyError
}

const nobodyThere: Stay = { messages: [], attributes: [], dropped: 0, likes: 0, hasOlder: false }

/** Joins a chat room while the component is mounted, and leaves it with the component. */
export function useChatRoom(chatRoomId: string): ChatRoomModel {
  const { chat, userId } = useParley()
  const [stay, setStay] = useState<Stay>(nobodyThere)
  const [visit, setVisit] = useState(0)
  const pendingLikes = useRef({ count: 0, timer: undefined as ReturnType<typeof setTimeout> | undefined })

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new visit joins again.
  useEffect(() => {
    let here = true
    let joined: ChatRoom | undefined
    const take = (change: (known: Stay) => Stay) => {
      if (here) setStay(change)
    }
    setStay(nobodyThere)
    joinChatRoom(chat, chatRoomId, { recent: pageSize }).then(
      (room) => {
        if (!here) return void room.leave().catch(() => undefined) // It is gone, or will be with the connection.
        joined = room
        take(() => begin(room))
        room.on('message', (message) => take((known) => hear(known, message, userId)))
        room.on('dropped', (count) => take((known) => ({ ...known, dropped: known.dropped + count })))
        room.on('attributes', () =>
          take((known) => ({ ...known, attributes: [...room.attributes.values()] })),
        )
        room.on('changed', (facts) => take((known) => ({ ...known, facts })))
        room.on('online', () => take((known) => ({ ...known, facts: room.facts })))
        room.on('rejoined', () => take((known) => catchUp(known, room)))
        room.on('left', (left) => take((known) => ({ ...known, left })))
      },
      (error: unknown) => take((known) => ({ ...known, error: error as ParleyError })),
    )
    const likes = pendingLikes.current
    return () => {
      here = false
      clearTimeout(likes.timer)
      likes.count = 0
      joined?.leave().catch(() => undefined) // The server ends the stay with the connection.
    }
  }, [chat, userId, chatRoomId, visit])

  const { room, facts, messages } = stay
  const like = useCallback(() => {
    if (!room) return
    setStay((known) => ({ ...known, likes: known.likes + 1 }))
    const pending = pendingLikes.current
    if (pending.count++ > 0) return
    // Many presses are one message, and the first to be left out under load.
    pending.timer = setTimeout(() => {
      const content: MessageContent = { type: 'custom', kind: likeKind, data: { count: pending.count } }
      pending.count = 0
      room.send({ content }, { priority: 'low' }).catch(() => undefined) // A like that is lost is no loss.
    }, likesGatherMs)
  }, [room])
  const firstSeq = messages[0]?.seq
  return {
    status: stay.error ? 'failed' : stay.left ? 'left' : room ? 'joined' : 'joining',
    error: stay.error,
    left: stay.left,
    room,
    facts,
    messages,
    dropped: stay.dropped,
    attributes: stay.attributes,
    role: facts?.ownerId === userId ? 'owner' : facts?.adminIds.includes(userId) ? 'admin' : 'visitor',
    likes: stay.likes,
    like,
    send: async (what) => {
      await room?.send(what)
    },
    give: async (gift) => {
      await room?.give(gift)
    },
    hasOlder: stay.hasOlder,
    loadOlder: async () => {
      if (!room || firstSeq === undefined) return
      const { items } = await room.history({ beforeSeq: firstSeq, limit: pageSize })
      setStay((known) => ({
        ...known,
        messages: [...items.filter(isShown), ...known.messages],
        hasOlder: items.length === pageSize,
      }))
    },
    rejoin: () => setVisit((count) => count + 1),
  }
}

const isShown = ({ content }: ChatRoomMessage) => content.type !== 'custom' || content.kind !== likeKind

function begin(room: ChatRoom): Stay {
  return {
    ...nobodyThere,
    room,
    facts: room.facts,
    messages: room.recent.filter(isShown),
    attributes: [...room.attributes.values()],
    hasOlder: (room.recent[0]?.seq ?? 1) > 1,
  }
}

function hear(known: Stay, message: ChatRoomMessage, userId: string): Stay {
  const { content } = message
  if (content.type === 'custom' && content.kind === likeKind) {
    // Own ones were counted when they were given.
    return message.senderId === userId ? known : { ...known, likes: known.likes + likesIn(content.data) }
  }
  if (known.messages.some(({ id }) => id === message.id)) return known
  return { ...known, messages: [...known.messages, message].slice(-mostKept) }
}

/** After a lost connection: what the room still tells is put behind what is there. */
function catchUp(known: Stay, room: ChatRoom): Stay {
  const there = new Set(known.messages.map(({ id }) => id))
  const missed = room.recent.filter((message) => isShown(message) && !there.has(message.id))
  return {
    ...known,
    facts: room.facts,
    messages: [...known.messages, ...missed].slice(-mostKept),
    attributes: [...room.attributes.values()],
  }
}

function likesIn(data: unknown): number {
  const count = typeof data === 'object' && data !== null && 'count' in data ? Number(data.count) : 1
  return Number.isFinite(count) ? Math.min(100, Math.max(1, Math.trunc(count))) : 1
}
