import type { Interaction } from '@parley/client'
import { interactionsOf } from '@parley/client'
import { useCallback, useMemo, useState } from 'react'
import { useParley } from '../parley-context.ts'
import { type Pages, usePages } from '../use-pages.ts'
import { useSocialEvent } from './use-social-event.ts'

export interface InteractionsModel extends Pages<Interaction> {
  unread: number
  /** Up to this one everything was read before. */
  readNo: number
  markRead: () => Promise<void>
}

/** What others did with the user's moments, words and name; newest first, live. */
export function useInteractions(): InteractionsModel {
  const { chat } = useParley()
  const interactions = useMemo(() => interactionsOf(chat), [chat])
  const [unread, setUnread] = useState(0)
  const [readNo, setReadNo] = useState(0)
  const list = usePages(
    useCallback((page: { cursor?: string }) => interactions.list(page), [interactions]),
    (page) => {
      setUnread(page.unread)
      setReadNo(page.readNo)
    },
  )
  useSocialEvent((event) => {
    if (event.type !== 'interaction.created') return
    setUnread(event.unread)
    void list.refresh()
  })
  const newest = list.items[0]?.no
  return {
    ...list,
    unread,
    readNo,
    markRead: useCallback(async () => {
      if (newest === undefined) return
      const answer = await interactions.read(newest)
      setUnread(answer.unread)
    }, [interactions, newest]),
  }
}
