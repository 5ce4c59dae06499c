import type { Conversation } from '@parley/client'
import { openChannel as enterChannel } from '@parley/client'
import { useEffect, useState } from 'react'
import { type CommunityEntry, useCommunities } from '../../chat/use-communities.ts'
import { useConversationRevision } from '../../chat/use-conversation.ts'
import { useParley } from '../../parley-context.ts'
import { useAreaWays } from '../areas/area-context.ts'
import { AreaMain } from '../areas/place.tsx'
import { ConversationPane } from '../conversation-pane.tsx'
import { CommunitiesIcon, HashIcon } from '../parts/area-icons.tsx'
import { Avatar } from '../parts/avatar.tsx'
import { IconButton } from '../parts/icon-button.tsx'
import { PlusIcon } from '../parts/icons.tsx'
import { EmptyNotice, FailedNotice } from '../parts/state-notice.tsx'
import { useWords } from '../parts/ui-context.tsx'
import { useKept } from '../parts/use-kept.ts'
import { ChannelList } from './channel-list.tsx'
import { CommunityDialog } from './community-dialogs.tsx'
import { CommunityPanel } from './community-panel.tsx'

/** Communities with their channels, and the channel that is open. */
export function CommunitiesArea() {
  const { userId } = useParley()
  const words = useWords()
  const communities = useCommunities()
  const { openConversation } = useAreaWays()
  const [communityId, keepCommunity] = useKept(`parley community ${userId}`)
  const [channelId, keepChannel] = useKept(`parley channel ${userId}`)
  const [dialog, setDialog] = useState(false)
  /** Of that community; who leaves it does not open those of the next. */
  const [settingsOf, setSettingsOf] = useState('')
  const shown = (communities.find(({ community }) => community.id === communityId) ?? communities[0])
    ?.community
  const opened = useOpenedChannel(channelId)
  const isShown = opened.channel !== undefined || opened.status !== 'none'
  const [focus, setFocus] = useState<number>()
  const openChannel = (id: string, seq?: number) => {
    setFocus(seq)
    keepChannel(id)
  }
  const choose = (id: string) => {
    keepCommunity(id)
    keepChannel('')
    setSettingsOf('')
  }
  return (
    <>
      <nav className="parley-sidebar" aria-label={words.areas.communities}>
        <header className="parley-sidebar-head">
          <h2 className="parley-area-title">{words.areas.communities}</h2>
          <IconButton label={words.community.create} onClick={() => setDialog(true)}>
            <PlusIcon />
          </IconButton>
        </header>
        {shown ? (
          <>
            {communities.length > 1 && (
              <CommunityStrip communities={communities} current={shown} onChoose={choose} />
            )}
            <ChannelList
              key={shown.id}
              community={shown}
              current={channelId}
              onOpen={openChannel}
              onSettings={() => setSettingsOf(shown.id)}
            />
            {settingsOf === shown.id && (
              <CommunityPanel community={shown} onClose={() => setSettingsOf('')} />
            )}
          </>
        ) : (
          <EmptyNotice
            icon={<CommunitiesIcon size={28} />}
            title={words.community.none}
            text={words.community.noneText}
          >
            <button type="button" className="parley-button parley-primary" onClick={() => setDialog(true)}>
              {words.community.create}
            </button>
          </EmptyNotice>
        )}
      </nav>
      <AreaMain shown={isShown}>
        {opened.channel ? (
          <ConversationPane
            key={opened.channel.id}
            conversation={opened.channel}
            focusSeq={focus}
            onOpen={(conversation, seq) => {
              const { view } = conversation
              if (view?.communityId === undefined) return openConversation(conversation, seq)
              keepCommunity(view.communityId)
              openChannel(conversation.id, seq)
            }}
            onBack={() => keepChannel('')}
          />
        ) : opened.status === 'failed' ? (
          <FailedNotice onRetry={opened.retry} />
        ) : opened.status === 'opening' ? (
          <div className="parley-blank" role="status">
            <span className="parley-spinner" aria-hidden="true" />
            {words.community.opening}
          </div>
        ) : (
          <EmptyNotice
            icon={<HashIcon size={28} />}
            title={words.community.choose}
            text={words.community.chooseText}
          />
        )}
      </AreaMain>
      {dialog && <CommunityDialog onOpen={choose} onClose={() => setDialog(false)} />}
    </>
  )
}

/** The communities, side by side. */
function CommunityStrip(props: {
  communities: readonly CommunityEntry[]
  current: Conversation
  onChoose: (id: string) => void
}) {
  const words = useWords()
  return (
    <ul className="parley-tiles">
      {props.communities.map(({ community, unread }) => {
        const name = community.view?.name ?? '…'
        return (
          <li key={community.id}>
            <button
              type="button"
              className="parley-tile"
              aria-current={community === props.current || undefined}
              title={name}
              onClick={() => props.onChoose(community.id)}
            >
              <Avatar id={community.id} name={name} size={42} />
              {unread > 0 && <span className="parley-dot" />}
              <span className="parley-unseen">
                {name}
                {unread > 0 && `, ${words.unreadLabel(unread)}`}
              </span>
            </button>
          </li>
        )
      })}
    </ul>
  )
}

/** The channel of that id once it is open: from then on it is heard live. */
function useOpenedChannel(channelId: string) {
  const { chat } = useParley()
  const [state, setState] = useState<{ id: string; channel?: Conversation; failed?: boolean }>({ id: '' })
  const [attempt, setAttempt] = useState(0)
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new attempt opens again.
  useEffect(() => {
    setState({ id: channelId })
    if (channelId === '') return
    let current = true
    enterChannel(chat, channelId).then(
      (channel) => {
        if (current) setState({ id: channelId, channel })
      },
      () => {
        if (current) setState({ id: channelId, failed: true })
      },
    )
    return () => {
      current = false
    }
  }, [chat, channelId, attempt])
  useConversationRevision(state.channel)
  const isGone = state.channel?.ended === true
  const channel = state.id === channelId && !isGone ? state.channel : undefined
  const status = channelId === '' || isGone ? 'none' : channel ? 'open' : state.failed ? 'failed' : 'opening'
  return { channel, status, retry: () => setAttempt((count) => count + 1) } as const
}
