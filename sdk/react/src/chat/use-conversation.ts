import type { Conversation, ConversationView } from '@parley/client'
import { useCallback } from 'react'
import { useParley } from '../parley-context.ts'
import { useRevision } from './use-revision.ts'

export interface ConversationModel {
  conversation: Conversation
  /** Undefined until it is known, or before its first message. */
  view: ConversationView | undefined
  peerId: string | undefined
  /** Of a channel. */
  community: Conversation | undefined
  isGroup: boolean
  unread: number
  typingUserIds: string[]
  /** The user may change the group; of a channel, also by running its community. */
  canManage: boolean
  /** The user is in it no more. */
  ended: boolean
}

/** Renders again with every change of the conversation; what is read from it is always current. */
export function useConversationRevision(conversation: Conversation | undefined): number {
  const listen = useCallback(
    (changed: () => void) => conversation?.on('changed', changed) ?? (() => undefined),
    [conversation],
  )
  return useRevision(listen)
}

/** A conversation as the user sees it. */
export function useConversation(conversation: Conversation): ConversationModel {
  useConversationRevision(conversation)
  const { view, peerId, typingUserIds, ended } = conversation
  const { chat } = useParley()
  const communityId = view?.communityId
  const community =
    communityId === undefined ? undefined : chat.conversations().find(({ id }) => id === communityId)
  useConversationRevision(community)
  return {
    conversation,
    view,
    peerId,
    community,
    isGroup: peerId === undefined,
    unread: view?.unread ?? 0,
    typingUserIds,
    canManage: view !== undefined && view.type !== 'direct' && (runs(view) || runs(community?.view)),
    ended,
  }
}

const runs = (view: ConversationView | undefined) => view?.role === 'owner' || view?.role === 'admin'

/** Who else writes in it now. */
export function useTyping(conversation: Conversation): string[] {
  useConversationRevision(conversation)
  return conversation.typingUserIds
}
