import type { ChatMessage, Conversation } from '@parley/client'
import { createContext, useContext } from 'react'
import type { NameOf } from '../chat/use-names.ts'
import type { Receipt } from '../chat/use-receipts.ts'

/** What the parts of a message need to know and may ask of the pane around them. */
export interface Pane {
  conversation: Conversation
  userId: string
  nameOf: NameOf
  isGroup: boolean
  canManage: boolean
  /** In a thread: its messages do not open threads. */
  inThread: boolean
  receiptOf: (message: ChatMessage) => Receipt
  isPinned: (message: ChatMessage) => boolean
  /** Shows pictures and films large. */
  view: (message: ChatMessage) => void
  edit: (message: ChatMessage) => void
  reply: (message: ChatMessage) => void
  openThread: (rootId: string) => void
  forward: (messages: readonly ChatMessage[]) => void
  showReaders: (message: ChatMessage) => void
  showEdits: (message: ChatMessage) => void
  showReactors: (message: ChatMessage) => void
  jumpTo: (seq: number) => void
  openUser: (userId: string) => void
  /** Messages that are chosen; undefined while nothing is being chosen. */
  chosen: ReadonlySet<string> | undefined
  choose: (message: ChatMessage) => void
}

export const PaneContext = createContext<Pane | undefined>(undefined)

export function usePane(): Pane {
  const pane = useContext(PaneContext)
  if (!pane) throw new Error('This part of a message needs a ConversationPane or MessageList around it')
  return pane
}
