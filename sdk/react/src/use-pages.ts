import type { ParleyError } from '@parley/client'
import { useCallback, useEffect, useRef, useState } from 'react'
import { useParley } from './parley-context.ts'

export interface Pages<Item> {
  items: readonly Item[]
  /** `failed` says why nothing could be had; `refresh` asks again. */
  status: 'loading' | 'ready' | 'failed'
  error: ParleyError | undefined
  hasMore: boolean
  loadMore: () => Promise<void>
  /** Asks for the first page anew; what was loaded stays until it is there. */
  refresh: () => Promise<void>
}

interface Page<Item> {
  items: Item[]
  nextCursor?: string | undefined
}

type ItemOf<Answer extends Page<unknown>> = Answer['items'][number]

/**
 * A list of the server, page by page, asked anew after each connection. `ask` must stay the same function while it is the
 * same list. `change` replaces what is shown, for what the user did a moment ago.
 */
export function usePages<Answer extends Page<unknown>>(
  ask: (page: { cursor?: string }) => Promise<Answer>,
  onFirst?: (answer: Answer) => void,
): Pages<ItemOf<Answer>> & {
  change: (change: (items: readonly ItemOf<Answer>[]) => readonly ItemOf<Answer>[]) => void
} {
  type Item = ItemOf<Answer>
  const { chat } = useParley()
  const [items, setItems] = useState<readonly Item[]>([])
  const [cursor, setCursor] = useState<string>()
  const [status, setStatus] = useState<Pages<Item>['status']>('loading')
  const [error, setError] = useState<ParleyError>()
  const run = useRef(0)
  const hearsFirst = useRef(onFirst)
  useEffect(() => {
    hearsFirst.current = onFirst
  })
  const refresh = useCallback(async () => {
    const own = ++run.current
    try {
      const page = await ask({})
      if (own !== run.current) return
      setItems(page.items)
      setCursor(page.nextCursor)
      setStatus('ready')
      setError(undefined)
      hearsFirst.current?.(page)
    } catch (failure) {
      if (own !== run.current) return
      setError(failure as ParleyError)
      // What is there is better than a failure in its place.
      setStatus((known) => (known === 'ready' ? known : 'failed'))
    }
  }, [ask])
  const loadMore = useCallback(async () => {
    if (cursor === undefined) return
    const own = run.current
    const page = await ask({ cursor })
    if (own !== run.current) return
    setItems((known) => [...known, ...page.items])
    setCursor(page.nextCursor)
  }, [ask, cursor])
  useEffect(() => {
    setItems([])
    setCursor(undefined)
    setStatus('loading')
    void refresh()
    const stop = chat.on('sync', () => void refresh())
    return () => {
      run.current++
      stop()
    }
  }, [chat, refresh])
  return { items, status, error, hasMore: cursor !== undefined, loadMore, refresh, change: setItems }
}
