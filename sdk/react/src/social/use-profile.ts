import type { ParleyError, Relation, SocialProfile } from '@parley/client'
import { ParleyError as Failure, followsOf, profilesOf } from '@parley/client'
import { useCallback, useEffect, useRef, useState } from 'react'
import { nameBookOf } from '../chat/use-names.ts'
import { useParley } from '../parley-context.ts'
import { useSocialEvent } from './use-social-event.ts'

export interface ProfileModel {
  status: 'loading' | 'ready' | 'failed'
  error: ParleyError | undefined
  profile: SocialProfile | undefined
  /** How the user stands to this one; undefined for oneself. */
  relation: Relation | undefined
  refresh: () => Promise<void>
}

/** A profile as the user may see it, with how they stand to each other; read again when either changes. */
export function useProfile(userId: string): ProfileModel {
  const parley = useParley()
  const { chat } = parley
  const isOwn = userId === parley.userId
  const [model, setModel] = useState<Omit<ProfileModel, 'refresh'>>(begun)
  const run = useRef(0)
  const refresh = useCallback(async () => {
    const own = ++run.current
    try {
      const [{ items }, relation] = await Promise.all([
        profilesOf(chat).get([userId]),
        isOwn ? undefined : followsOf(chat).relation(userId),
      ])
      if (own !== run.current) return
      const [profile] = items
      if (!profile) throw new Failure('user-not-found', 'There is no such user')
      nameBookOf(parley).handleProfile(profile)
      setModel({ status: 'ready', error: undefined, profile, relation })
    } catch (error) {
      if (own === run.current) {
        setModel((known) => ({
          ...known,
          status: known.status === 'ready' ? 'ready' : 'failed',
          error: error as ParleyError,
        }))
      }
    }
  }, [parley, chat, userId, isOwn])
  useEffect(() => {
    setModel(begun)
    void refresh()
    const stop = chat.on('sync', () => void refresh())
    return () => {
      run.current++
      stop()
    }
  }, [chat, refresh])
  useSocialEvent((event) => {
    const whom =
      event.type === 'friend.changed'
        ? event.change.userId
        : event.type === 'profile.changed' || event.type === 'block.changed'
          ? event.userId
          : event.type === 'interaction.created'
            ? event.interaction.actorId
            : undefined
    if (whom === userId) void refresh()
  })
  return { ...model, refresh }
}

const begun = { status: 'loading', error: undefined, profile: undefined, relation: undefined } as const
