import { useState } from 'react'
import { type ChatRoomModel, useChatRoom } from '../../chat/use-chat-room.ts'
import { HeartFullIcon, HeartIcon, RoomsIcon, SettingsIcon } from '../parts/area-icons.tsx'
import { IconButton } from '../parts/icon-button.tsx'
import { BackIcon, GroupIcon, LeaveIcon } from '../parts/icons.tsx'
import { EmptyNotice } from '../parts/state-notice.tsx'
import { errorText, useErrorToast } from '../parts/toasts.tsx'
import { useWords } from '../parts/ui-context.tsx'
import { RoomComposer } from './room-composer.tsx'
import { RoomMessages } from './room-messages.tsx'
import { RoomPeoplePanel } from './room-people-panel.tsx'
import { RoomSettingsPanel } from './room-settings-panel.tsx'

/** A chat room that is joined while this is there: what is said, who is here, and how it is run. */
export function ChatRoomPane(props: { chatRoomId: string; onBack: () => void }) {
  const { chatRoomId, onBack } = props
  const words = useWords()
  const onFailed = useErrorToast()
  const model = useChatRoom(chatRoomId)
  const { status, facts, room } = model
  const [panel, setPanel] = useState<'people' | 'settings'>()
  const toggle = (kind: typeof panel) => setPanel(panel === kind ? undefined : kind)
  const name = facts?.name ?? chatRoomId
  const leave = () => {
    room?.leave().catch(onFailed)
    onBack()
  }
  return (
    <div className="parley-pane" data-room={status}>
      <div className="parley-pane-main">
        <header className="parley-pane-head">
          <IconButton label={words.back} className="parley-back" onClick={onBack}>
            <BackIcon />
          </IconButton>
          <span className="parley-room-mark" data-live={status === 'joined' || undefined}>
            <RoomsIcon size={20} />
          </span>
          <div className="parley-pane-title">
            <h2>{name}</h2>
            <span aria-live="polite">
              {facts && words.room.onlineNow(status === 'joined' ? Math.max(1, facts.online) : facts.online)}
            </span>
          </div>
          {status === 'joined' && (
            <>
              <IconButton
                label={words.room.people}
                pressed={panel === 'people'}
                onClick={() => toggle('people')}
              >
                <GroupIcon />
              </IconButton>
              <IconButton
                label={words.room.settings}
                pressed={panel === 'settings'}
                onClick={() => toggle('settings')}
              >
                <SettingsIcon />
              </IconButton>
              <IconButton label={words.room.leave} onClick={leave}>
                <LeaveIcon />
              </IconButton>
            </>
          )}
        </header>
        <Notes model={model} />
        {status === 'joining' && (
          <div className="parley-blank" role="status">
            <span className="parley-spinner" aria-hidden="true" />
            {words.room.joining}
          </div>
        )}
        {(status === 'left' || status === 'failed') && (
          <EmptyNotice
            icon={<RoomsIcon size={28} />}
            title={model.left ? words.room.left[model.left.reason] : words.room.failed}
            text={model.left?.detail ?? (model.error ? errorText(model.error, words.errors) : '')}
          >
            {model.left?.reason !== 'closed' && (
              <button type="button" className="parley-button parley-primary" onClick={model.rejoin}>
                {words.room.again}
              </button>
            )}
            <button type="button" className="parley-button" onClick={onBack}>
              {words.close}
            </button>
          </EmptyNotice>
        )}
        {status === 'joined' && (
          <>
            <RoomMessages model={model} label={name} />
            <RoomComposer model={model} name={name} like={<LikeButton model={model} />} />
          </>
        )}
      </div>
      {status === 'joined' && panel === 'people' && (
        <RoomPeoplePanel model={model} onClose={() => setPanel(undefined)} />
      )}
      {status === 'joined' && panel === 'settings' && (
        <RoomSettingsPanel model={model} onClose={() => setPanel(undefined)} />
      )}
    </div>
  )
}

/** The shared notes of the room, above what is said. */
function Notes({ model: { attributes } }: { model: ChatRoomModel }) {
  if (attributes.length === 0) return null
  return (
    <dl className="parley-room-notes">
      {attributes.slice(0, 6).map(({ key, value }) => (
        <div key={key}>
          <dt>{key}</dt>
          <dd dir="auto">{value}</dd>
        </div>
      ))}
    </dl>
  )
}

function LikeButton({ model }: { model: ChatRoomModel }) {
  const words = useWords()
  const { likes, like } = model
  // Each like lets a heart rise; only the latest few are drawn.
  const hearts = Array.from({ length: Math.min(likes, 6) }, (_, index) => likes - index)
  return (
    <span className="parley-like">
      <span className="parley-hearts" aria-hidden="true">
        {hearts.map((number) => (
          <i
            key={number}
            style={{ '--parley-sway': `${((number * 37) % 31) - 15}px` } as React.CSSProperties}
          >
            <HeartFullIcon size={18} />
          </i>
        ))}
      </span>
      <button
        type="button"
        className="parley-like-button"
        aria-label={likes > 0 ? `${words.room.like}, ${words.room.likes(likes)}` : words.room.like}
        title={words.room.like}
        onClick={like}
      >
        {likes > 0 ? <HeartFullIcon size={20} /> : <HeartIcon size={20} />}
        {likes > 0 && <small>{likes > 999 ? '999+' : likes}</small>}
      </button>
    </span>
  )
}
