import { type Conversation, type Message, searchMessages } from '@parley/client'
import { useCallback, useEffect, useRef, useState } from 'react'
import { useParley } from '../parley-context.ts'

export interface SearchWish {
  text: string
  conversation?: Conversation | undefined
  senderId?: string | undefined
  contentType?: 'text' | 'image' | 'file' | 'video' | 'location' | 'contact' | 'poll' | undefined
  after?: Date | undefined
  before?: Date | undefined
}

export interface SearchHit {
  message: Message
  /** To be marked in the text. */
  words: readonly string[]
}

export interface SearchModel {
  status: 'idle' | 'searching' | 'done' | 'failed'
  hits: readonly SearchHit[]
  hasMore: boolean
  loadMore: () => void
}

const restMs = 250

/** Looks for messages while the wish is being written: the newest first, page by page. */
export function useSearch(wish: SearchWish): SearchModel {
  const { chat } = useParley()
  const [hits, setHits] = useState<readonly SearchHit[]>([])
  const [cursor, setCursor] = useState<string>()
  const [status, setStatus] = useState<SearchModel['status']>('idle')
  const run = useRef(0)
  const { text, conversation, senderId, contentType } = wish
  const after = wish.after?.toISOString()
  const before = wish.before?.toISOString()
  const ask = useCallback(
    async (from: string | undefined) => {
      const own = ++run.current
      setStatus('searching')
      try {
        const page = await searchMessages(chat, {
          q: text.trim(),
          limit: 30,
          ...(conversation && { conversationId: conversation.id }),
          ...(senderId && { senderId }),
          ...(contentType && { contentType }),
          ...(after && { after }),
          ...(before && { before }),
          ...(from && { cursor: from }),
        })
        if (own !== run.current) return
        setHits((known) => (from ? [...known, ...page.items] : page.items))
        setCursor(page.nextCursor)
        setStatus('done')
      } catch {
        if (own === run.current) setStatus('failed')
      }
    },
    [chat, text, conversation, senderId, contentType, after, before],
  )
  useEffect(() => {
    run.current++
    if (text.trim() === '') {
      setStatus('idle')
      setHits([])
      setCursor(undefined)
      return
    }
    const timer = setTimeout(() => void ask(undefined), restMs)
    return () => clearTimeout(timer)
  }, [ask, text])
  return {
    status,
    hits,
    hasMore: cursor !== undefined,
    loadMore: () => {
      if (cursor !== undefined) void ask(cursor)
    },
  }
}
