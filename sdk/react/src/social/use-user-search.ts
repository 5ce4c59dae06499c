import type { ParleyError, SocialProfile } from '@parley/client'
import { profilesOf } from '@parley/client'
import { useEffect, useState } from 'react'
import { useParley } from '../parley-context.ts'

export interface UserSearchModel {
  status: 'idle' | 'searching' | 'done' | 'failed'
  error: ParleyError | undefined
  users: readonly SocialProfile[]
}

const restMs = 250

/** Finds users by their id, and by how their name begins where the project allows it, while it is being written. */
export function useUserSearch(text: string): UserSearchModel {
  const { chat } = useParley()
  const [model, setModel] = useState<UserSearchModel>(idle)
  const wanted = text.trim()
  useEffect(() => {
    if (wanted === '') {
      setModel(idle)
      return
    }
    let current = true
    setModel(({ users }) => ({ status: 'searching', error: undefined, users }))
    const ask = async () => {
      const profiles = profilesOf(chat)
      const ways = await Promise.allSettled([
        profiles.search({ exactId: wanted }),
        profiles.search({ name: wanted.slice(0, 64) }),
      ])
      if (!current) return
      const found = ways.flatMap((way) => (way.status === 'fulfilled' ? way.value.items : []))
      const refused = ways.flatMap((way) => (way.status === 'rejected' ? [way.reason as ParleyError] : []))
      // A project may leave one of the two ways closed.
      if (refused.length === ways.length) setModel({ status: 'failed', error: refused[0], users: [] })
      else setModel({ status: 'done', error: undefined, users: unique(found) })
    }
    const timer = setTimeout(() => void ask(), restMs)
    return () => {
      current = false
      clearTimeout(timer)
    }
  }, [chat, wanted])
  return model
}

const idle: UserSearchModel = { status: 'idle', error: undefined, users: [] }

function unique(users: readonly SocialProfile[]): SocialProfile[] {
  return [...new Map(users.map((user) => [user.userId, user])).values()]
}
