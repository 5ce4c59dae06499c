import type { ChatMessage, Conversation } from '@parley/client'
import { useCallback } from 'react'
import { useParley } from '../parley-context.ts'

export interface ShownReaction {
  emoji: string
  count: number
  /** The first of those who reacted. */
  userIds: string[]
  mine: boolean
}

export interface ReactionsModel {
  reactions: ShownReaction[]
  /** Reacts, or takes the reaction back. */
  toggle: (emoji: string) => Promise<void>
}

export function useReactions(conversation: Conversation, message: ChatMessage): ReactionsModel {
  const { userId } = useParley()
  const { id } = message
  const reactions = (message.reactions ?? []).map((reaction) => ({
    ...reaction,
    mine: reaction.userIds.includes(userId),
  }))
  const own = reactions.flatMap(({ emoji, mine }) => (mine ? [emoji] : [])).join('\n')
  const toggle = useCallback(
    async (emoji: string) => {
      if (id === undefined) return
      if (own.split('\n').includes(emoji)) await conversation.unreact(id, emoji)
      else await conversation.react(id, emoji)
    },
    [conversation, id, own],
  )
  return { reactions, toggle }
}
