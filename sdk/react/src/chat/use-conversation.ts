import type { Conversation, ConversationView } from '@parley/client'
import { useCallback } from 'react'
import { useRevision } from './use-revision.ts'

export interface ConversationModel {
  conversation: Conversation
  /** Undefined until it is known, or before its first message. */
  view: ConversationView | undefined
  peerId: string | undefined
  isGroup: boolean
  unread: number
  typingUserIds: string[]
  /** The user may change the group. */
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
  return {
    conversation,
    view,
    peerId,
    isGroup: peerId === undefined,
    unread: view?.unread ?? 0,
    typingUserIds,
    canManage: view !== undefined && view.type !== 'direct' && view.role !== 'member',
    ended,
  }
}

/** Who else writes in it now. */
export function useTyping(conversation: Conversation): string[] {
  useConversationRevision(conversation)
  return conversation.typingUserIds
}
