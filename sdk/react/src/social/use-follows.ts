import type { Follow } from '@parley/client'
import { followsOf } from '@parley/client'
import { useCallback, useMemo } from 'react'
import { useParley } from '../parley-context.ts'
import { type Pages, usePages } from '../use-pages.ts'
import { useSocialEvent } from './use-social-event.ts'

/** Whom a user follows, or who follows the user; the own list when nobody is named. */
export function useFollows(direction: 'following' | 'followers', ofUserId?: string): Pages<Follow> {
  const { chat } = useParley()
  const follows = useMemo(() => followsOf(chat), [chat])
  const list = usePages(
    useCallback(
      (page: { cursor?: string }) =>
        follows[direction]({ ...page, ...(ofUserId !== undefined && { ofUserId }) }),
      [follows, direction, ofUserId],
    ),
  )
  useSocialEvent((event) => {
    if (event.type === 'block.changed') void list.refresh()
    if (event.type === 'interaction.created' && event.interaction.kind === 'followed') void list.refresh()
  })
  return list
}
