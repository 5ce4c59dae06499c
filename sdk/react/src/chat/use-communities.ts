import type { ChannelView, Conversation } from '@parley/client'
import { listChannels } from '@parley/client'
import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { useParley } from '../parley-context.ts'
import { useEvery } from '../use-every.ts'
import { useConversations } from './use-conversations.ts'

export interface CommunityEntry {
  community: Conversation
  /** Of its channels that the user has opened. */
  unread: number
}

/** The communities that the user is in, by name, with how much waits in them. */
export function useCommunities(): readonly CommunityEntry[] {
  const conversations = useConversations()
  return useMemo(() => {
    const unread = new Map<string, number>()
    for (const { view } of conversations) {
      if (view?.communityId === undefined) continue
      unread.set(view.communityId, (unread.get(view.communityId) ?? 0) + view.unread)
    }
    return conversations
      .filter(({ view }) => view?.type === 'community')
      .sort((one, other) => (one.view?.name ?? '').localeCompare(other.view?.name ?? ''))
      .map((community) => ({ community, unread: unread.get(community.id) ?? 0 }))
  }, [conversations])
}

export interface ChannelEntry {
  channel: ChannelView
  /** Once the user has opened it. */
  conversation: Conversation | undefined
  unread: number
}

export interface ChannelsModel {
  status: 'loading' | 'ready' | 'failed'
  /** In the order of the community. */
  channels: readonly ChannelEntry[]
  refresh: () => Promise<void>
}

const pageSize = 100
/** Channels that were not opened are not heard live: their counts are asked for. */
const askEveryMs = 10_000

/** The channels of a community. Opened ones are live; the others are asked about every ten seconds while the page is seen. */
export function useChannels(community: Conversation): ChannelsModel {
  const { chat } = useParley()
  const conversations = useConversations()
  const [views, setViews] = useState<readonly ChannelView[]>([])
  const [status, setStatus] = useState<ChannelsModel['status']>('loading')
  const run = useRef(0)
  const refresh = useCallback(async () => {
    const own = ++run.current
    const found: ChannelView[] = []
    try {
      let cursor: string | undefined
      do {
        const page = await listChannels(community, {
          limit: pageSize,
          ...(cursor !== undefined && { cursor }),
        })
        found.push(...page.items)
        cursor = page.nextCursor
      } while (cursor !== undefined)
      if (own !== run.current) return
      setViews(found)
      setStatus('ready')
    } catch {
      if (own === run.current) setStatus((known) => (known === 'ready' ? known : 'failed'))
    }
  }, [community])
  // A channel that comes to the user, or goes, is not told by the community.
  const opened = conversations
    .flatMap(({ id, view }) => (view?.communityId === community.id ? [id] : []))
    .sort()
    .join(' ')
  // biome-ignore lint/correctness/useExhaustiveDependencies: asked again when other channels are open.
  useEffect(() => {
    void refresh()
    const stops = [community.on('group', () => void refresh()), chat.on('sync', () => void refresh())]
    return () => {
      run.current++
      for (const stop of stops) stop()
    }
  }, [chat, community, refresh, opened])
  const someUnheard = views.some(({ opened: isOpened }) => !isOpened)
  useEvery(askEveryMs, () => {
    if (someUnheard) void refresh()
  })
  const channels = useMemo(() => {
    const live = new Map(conversations.map((conversation) => [conversation.id, conversation]))
    return views.map((channel) => {
      const conversation = live.get(channel.id)
      const name = conversation?.view?.name ?? channel.name
      return {
        channel: { ...channel, ...(name !== undefined && { name }) },
        conversation,
        unread: conversation?.view?.unread ?? channel.unread,
      }
    })
  }, [views, conversations])
  return { status, channels, refresh }
}

/** Channels under their categories, those without one first; both in the order of the channels. */
export function byCategory(
  channels: readonly ChannelEntry[],
): { category: string | undefined; channels: ChannelEntry[] }[] {
  const groups = new Map<string, ChannelEntry[]>([['', []]])
  for (const entry of channels) {
    const category = entry.channel.category ?? ''
    const group = groups.get(category)
    if (group) group.push(entry)
    else groups.set(category, [entry])
  }
  return [...groups]
    .filter(([, found]) => found.length > 0)
    .map(([category, found]) => ({ category: category || undefined, channels: found }))
}
