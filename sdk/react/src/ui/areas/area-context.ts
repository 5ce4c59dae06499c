import type { Conversation, ProfileField } from '@parley/client'
import { createContext, useContext } from 'react'
import type { GivenGift } from '../../chat/use-chat-room.ts'

/** What the areas of the messenger may ask of it. */
export interface AreaWays {
  /** Opens a conversation among the chats, maybe at a message. */
  openConversation: (conversation: Conversation, seq?: number) => void
  /** Shows who somebody is. */
  openProfile: (userId: string) => void
  /** Fields of profiles that the application has beyond those every project has. */
  profileFields: Readonly<Record<string, ProfileField>>
  /** What can be given in chat rooms. */
  gifts: readonly GivenGift[]
}

export const AreaContext = createContext<AreaWays | undefined>(undefined)

export function useAreaWays(): AreaWays {
  const ways = useContext(AreaContext)
  if (!ways) throw new Error('This part needs a Messenger around it')
  return ways
}
