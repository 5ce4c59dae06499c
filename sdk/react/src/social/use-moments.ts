import type { Moment, Moments } from '@parley/client'
import { momentsOf } from '@parley/client'
import { useCallback, useMemo, useState } from 'react'
import { useParley } from '../parley-context.ts'
import { type Pages, usePages } from '../use-pages.ts'
import { useSocialEvent } from './use-social-event.ts'

export type MomentInput = Parameters<Moments['create']>[0]

export interface MomentsModel extends Pages<Moment> {
  /** Moments of others that came since; `refresh` shows them. */
  fresh: number
  create: (moment: MomentInput) => Promise<Moment>
  remove: (momentId: string) => Promise<void>
  toggleLike: (moment: Moment) => Promise<void>
  /** Reads one again, after what was done with it. */
  reread: (momentId: string) => Promise<void>
}

/** The timeline of the user, or the moments of one author; newest first. */
export function useMoments(authorId?: string): MomentsModel {
  const { chat, userId } = useParley()
  const moments = useMemo(() => momentsOf(chat), [chat])
  const [fresh, setFresh] = useState(0)
  const list = usePages(
    useCallback(
      (page: { cursor?: string }) =>
        authorId === undefined ? moments.timeline(page) : moments.list(authorId, page),
      [moments, authorId],
    ),
    () => setFresh(0),
  )
  const { change } = list
  const put = useCallback(
    (moment: Moment) => change((known) => known.map((each) => (each.id === moment.id ? moment : each))),
    [change],
  )
  const reread = useCallback(
    async (momentId: string) => {
      try {
        put(await moments.get(momentId))
      } catch {
        // It is there no more, or not for this user; the next page says so.
      }
    },
    [moments, put],
  )
  useSocialEvent((event) => {
    if (event.type === 'moment.created' && event.authorId !== userId) {
      if (authorId === undefined || event.authorId === authorId) setFresh((count) => count + 1)
    }
    if (event.type === 'interaction.created' && event.interaction.momentId !== undefined) {
      void reread(event.interaction.momentId)
    }
    if (event.type === 'block.changed' || event.type === 'friend.changed') void list.refresh()
  })
  return {
    ...list,
    fresh,
    create: async (input) => {
      const made = await moments.create(input)
      change((known) => [made, ...known.filter(({ id }) => id !== made.id)])
      return made
    },
    remove: async (momentId) => {
      await moments.delete(momentId)
      change((known) => known.filter(({ id }) => id !== momentId))
    },
    toggleLike: async (moment) => {
      const liked = !moment.liked
      put({ ...moment, liked, likes: Math.max(0, moment.likes + (liked ? 1 : -1)) })
      try {
        const { likes } = await (liked ? moments.like(moment.id) : moments.unlike(moment.id))
        put({ ...moment, liked, likes })
      } catch (error) {
        put(moment)
        throw error
      }
    },
    reread,
  }
}
