import type { Notice } from '@parley/client'
import { listNotices, readNotices } from '@parley/client'
import { useCallback, useEffect, useState } from 'react'
import { useParley } from '../parley-context.ts'

export interface NoticesModel {
  /** The newest first. */
  notices: readonly Notice[]
  unread: number
  markRead: () => void
}

/** What the operator of the service tells the user. */
export function useNotices(): NoticesModel {
  const { chat } = useParley()
  const [notices, setNotices] = useState<readonly Notice[]>([])
  const [unread, setUnread] = useState(0)
  useEffect(() => {
    let wanted = true
    const refresh = () => {
      listNotices(chat, { limit: 100 }).then(
        (page) => {
          if (!wanted) return
          setNotices([...page.items].reverse())
          setUnread(page.unread)
        },
        () => undefined, // Asked again after the next connection.
      )
    }
    refresh()
    const stops = [chat.on('notice', refresh), chat.on('notice-withdrawn', refresh), chat.on('sync', refresh)]
    return () => {
      wanted = false
      for (const stop of stops) stop()
    }
  }, [chat])
  const newest = notices[0]?.no
  const markRead = useCallback(() => {
    if (newest === undefined) return
    setUnread(0)
    readNotices(chat, newest).catch(() => undefined) // They show as unread again with the next connection.
  }, [chat, newest])
  return { notices, unread, markRead }
}
