import type { MomentComment, MomentLike } from '@parley/client'
import { momentsOf } from '@parley/client'
import { useCallback, useMemo } from 'react'
import { useParley } from '../parley-context.ts'
import { type Pages, usePages } from '../use-pages.ts'
import { useSocialEvent } from './use-social-event.ts'

export interface CommentsModel extends Pages<MomentComment> {
  comment: (text: string, options?: { replyToCommentId?: string; mentions?: string[] }) => Promise<void>
  remove: (commentId: string) => Promise<void>
}

/** Comments on a moment, oldest first. */
export function useComments(momentId: string): CommentsModel {
  const { chat } = useParley()
  const moments = useMemo(() => momentsOf(chat), [chat])
  const list = usePages(
    useCallback((page: { cursor?: string }) => moments.comments(momentId, page), [moments, momentId]),
  )
  useSocialEvent((event) => {
    const about = event.type === 'interaction.created' ? event.interaction : undefined
    if (about?.momentId === momentId && about.kind !== 'liked') void list.refresh()
  })
  const { change } = list
  return {
    ...list,
    comment: async (text, options = {}) => {
      const made = await moments.comment(momentId, text, options)
      change((known) => [...known.filter(({ id }) => id !== made.id), made])
    },
    remove: async (commentId) => {
      await moments.deleteComment(momentId, commentId)
      change((known) => known.filter(({ id }) => id !== commentId))
    },
  }
}

/** Who likes a moment, page by page. */
export function useLikes(momentId: string): Pages<MomentLike> {
  const { chat } = useParley()
  const moments = useMemo(() => momentsOf(chat), [chat])
  return usePages(
    useCallback((page: { cursor?: string }) => moments.likes(momentId, page), [moments, momentId]),
  )
}
