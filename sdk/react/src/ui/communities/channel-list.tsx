import type { Conversation } from '@parley/client'
import { useState } from 'react'
import { byCategory, type ChannelEntry, useChannels } from '../../chat/use-communities.ts'
import { useConversation } from '../../chat/use-conversation.ts'
import { HashIcon, LockIcon, SettingsIcon } from '../parts/area-icons.tsx'
import { IconButton } from '../parts/icon-button.tsx'
import { PlusIcon } from '../parts/icons.tsx'
import { moveAmong } from '../parts/move-among.ts'
import { FailedNotice, LoadingRows } from '../parts/state-notice.tsx'
import { useWords } from '../parts/ui-context.tsx'
import { ChannelDialog } from './community-dialogs.tsx'

/** The channels of a community under their categories, with what is unread in each. */
export function ChannelList(props: {
  community: Conversation
  /** Id of the channel that is open. */
  current: string
  onOpen: (channelId: string) => void
  onSettings: () => void
}) {
  const { community } = props
  const words = useWords()
  const { view, canManage } = useConversation(community)
  const { status, channels, refresh } = useChannels(community)
  const [making, setMaking] = useState(false)
  return (
    <>
      <div className="parley-community-head">
        <span>
          <strong>{view?.name ?? '…'}</strong>
          <small>{words.members(view?.memberCount ?? 0)}</small>
        </span>
        {canManage && (
          <IconButton label={words.community.newChannel} onClick={() => setMaking(true)}>
            <PlusIcon size={18} />
          </IconButton>
        )}
        <IconButton label={words.community.settings} onClick={props.onSettings}>
          <SettingsIcon size={18} />
        </IconButton>
      </div>
      <div className="parley-channels" onKeyDown={moveAmong('.parley-channel')}>
        {status === 'loading' && <LoadingRows />}
        {status === 'failed' && <FailedNotice onRetry={() => void refresh()} />}
        {status === 'ready' && channels.length === 0 && (
          <p className="parley-hint">
            {words.community.noChannels}. {canManage ? '' : words.community.noChannelsText}
          </p>
        )}
        {byCategory(channels).map(({ category, channels: found }) => (
          <section key={category ?? ''} aria-label={category}>
            {category !== undefined && <h3>{category}</h3>}
            <ul>
              {found.map((entry) => (
                <li key={entry.channel.id}>
                  <ChannelItem
                    entry={entry}
                    current={entry.channel.id === props.current}
                    onOpen={() => props.onOpen(entry.channel.id)}
                  />
                </li>
              ))}
            </ul>
          </section>
        ))}
      </div>
      {making && (
        <ChannelDialog
          community={community}
          categories={[...new Set(channels.flatMap(({ channel }) => channel.category ?? []))]}
          next={Math.max(0, ...channels.map(({ channel }) => channel.position ?? 0)) + 1}
          onMade={(id) => {
            void refresh()
            props.onOpen(id)
          }}
          onClose={() => setMaking(false)}
        />
      )}
    </>
  )
}

function ChannelItem(props: { entry: ChannelEntry; current: boolean; onOpen: () => void }) {
  const { channel, unread } = props.entry
  const words = useWords()
  return (
    <button
      type="button"
      className="parley-channel"
      aria-current={props.current || undefined}
      data-unread={unread > 0 || undefined}
      onClick={props.onOpen}
    >
      {channel.public === false ? <LockIcon size={17} /> : <HashIcon size={17} />}
      <span>{channel.name ?? '…'}</span>
      {channel.public === false && <span className="parley-unseen">, {words.community.isPrivate}</span>}
      {unread > 0 && (
        <span className="parley-badge" role="img" aria-label={words.unreadLabel(unread)}>
          {words.unread(unread)}
        </span>
      )}
    </button>
  )
}
