import type { Conversation, Parley } from '@parley/client'
import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from 'react'
import { read, write } from './use-stored.ts'

export interface ConversationsModel {
  conversations: readonly Conversation[]
  selected: Conversation | undefined
  select: (conversation: Conversation | undefined) => void
  openDirect: (userId: string) => Promise<void>
  createGroup: (name: string, memberIds: string[]) => Promise<void>
}

/** The list, and which of its conversations is open; a reload comes back to it. */
export function useConversations(parley: Parley, start?: string): ConversationsModel {
  const { chat, userId } = parley
  const subscribe = useCallback((changed: () => void) => chat.on('conversations', changed), [chat])
  const conversations = useSyncExternalStore(subscribe, () => chat.conversations())
  const key = `parley demo ${userId} conversation`
  const [selected, setSelected] = useState<Conversation | undefined>(() => {
    const id = read(key)
    return conversations.find((conversation) => conversation.id === id)
  })
  const select = useCallback(
    (conversation: Conversation | undefined) => {
      setSelected(conversation)
      write(key, conversation?.id ?? '')
    },
    [key],
  )
  const gone = selected?.ended === true
  useEffect(() => {
    if (gone) select(undefined)
  }, [gone, select])

  const begins = useRef(start !== undefined && selected === undefined)
  useEffect(() => {
    if (!begins.current || start === undefined) return
    begins.current = false
    chat.direct(start).then(setSelected, () => undefined) // The list is there to choose from.
  }, [chat, start])

  return {
    conversations,
    selected,
    select,
    openDirect: async (peerId) => select(await chat.direct(peerId)),
    createGroup: async (name, memberIds) => {
      select(await chat.createGroup({ memberIds, ...(name && { name }) }))
    },
  }
}
