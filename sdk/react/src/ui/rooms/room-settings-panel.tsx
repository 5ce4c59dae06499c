import type { ChatRoom, ChatRoomRestriction } from '@parley/client'
import { closeChatRoom, updateChatRoom } from '@parley/client'
import { useState } from 'react'
import type { ChatRoomModel } from '../../chat/use-chat-room.ts'
import { useChatRoomRestrictions } from '../../chat/use-chat-room-people.ts'
import { useNames } from '../../chat/use-names.ts'
import { useParley } from '../../parley-context.ts'
import { Check } from '../composer/forms.tsx'
import { Panel } from '../panels/panel.tsx'
import { Avatar } from '../parts/avatar.tsx'
import { EditIcon, PlusIcon, TrashIcon } from '../parts/icons.tsx'
import { Segments } from '../parts/segments.tsx'
import { ShowMore } from '../parts/show-more.tsx'
import { FailedNotice } from '../parts/state-notice.tsx'
import { TextFormButton } from '../parts/text-form.tsx'
import { useErrorToast } from '../parts/toasts.tsx'
import { useWords } from '../parts/ui-context.tsx'
import { RoomNotes } from './room-notes.tsx'

const slowModesMs = [0, 3_000, 10_000, 30_000, 60_000]

/** Shared notes for everybody; rules and lists for owner and admins. */
export function RoomSettingsPanel({ model, onClose }: { model: ChatRoomModel; onClose: () => void }) {
  const { room, facts, role } = model
  const { chat } = useParley()
  const words = useWords()
  const onFailed = useErrorToast()
  if (!room || !facts) return null
  const isHost = role !== 'visitor'
  const update = (change: Parameters<typeof updateChatRoom>[2]) =>
    void updateChatRoom(chat, room.id, change).catch(onFailed)
  const slowModes = slowModesMs.includes(facts.slowModeMs) ? slowModesMs : [...slowModesMs, facts.slowModeMs]
  return (
    <Panel title={words.room.settings} className="parley-group" onClose={onClose}>
      <div className="parley-group-body">
        <div className="parley-group-head">
          <strong>{facts.name ?? room.id}</strong>
          <span className="parley-room-id" dir="ltr">
            {room.id}
          </span>
          {isHost && (
            <TextFormButton
              icon={<EditIcon size={15} />}
              label={words.rename}
              field={words.room.name}
              initial={facts.name}
              onSubmit={(name) => update({ name })}
            />
          )}
        </div>
        <RoomNotes model={model} room={room} />
        {isHost && (
          <section>
            <h3>{words.rules}</h3>
            <label className="parley-field">
              <span>{words.room.slowMode}</span>
              <select
                value={facts.slowModeMs}
                onChange={(event) => update({ slowModeMs: Number(event.target.value) })}
              >
                {slowModes.map((ms) => (
                  <option key={ms} value={ms}>
                    {ms === 0 ? words.room.slowModeOff : words.room.seconds(ms / 1000)}
                  </option>
                ))}
              </select>
            </label>
            <Check
              label={words.room.muteAll}
              checked={facts.mutedAll}
              onChange={(mutedAll) => update({ mutedAll })}
            />
            <Check
              label={words.room.allowOnly}
              checked={facts.joinByAllowed}
              onChange={(joinByAllowed) => update({ joinByAllowed })}
            />
            <Check
              label={words.room.listed}
              checked={facts.listed}
              onChange={(listed) => update({ listed })}
            />
          </section>
        )}
        {isHost && <Lists room={room} />}
        {isHost && (
          <footer>
            <button
              type="button"
              className="parley-link-button parley-danger"
              onClick={() => void closeChatRoom(chat, room.id).catch(onFailed)}
            >
              <TrashIcon size={16} />
              {words.room.close}
            </button>
          </footer>
        )}
      </div>
    </Panel>
  )
}

const kinds = ['mute', 'ban', 'allow'] as const

/** Who is muted, banned and allowed. */
function Lists({ room }: { room: ChatRoom }) {
  const words = useWords()
  const [kind, setKind] = useState<ChatRoomRestriction['kind']>('mute')
  return (
    <section>
      <Segments
        label={words.rules}
        value={kind}
        onChange={setKind}
        options={kinds.map((value) => ({ value, label: words.room.lists[value] }))}
      />
      <List key={kind} room={room} kind={kind} />
    </section>
  )
}

function List({ room, kind }: { room: ChatRoom; kind: ChatRoomRestriction['kind'] }) {
  const words = useWords()
  const nameOf = useNames()
  const onFailed = useErrorToast()
  const list = useChatRoomRestrictions(room.id, kind)
  return (
    <div className="parley-room-list">
      {list.status === 'failed' && <FailedNotice onRetry={() => void list.refresh()} />}
      {list.status === 'ready' && list.items.length === 0 && (
        <p className="parley-soft">{words.room.listEmpty[kind]}</p>
      )}
      <ul className="parley-people">
        {list.items.map(({ userId }) => (
          <li key={userId} data-restricted={userId}>
            <Avatar id={userId} name={nameOf(userId)} size={30} />
            <span>{nameOf(userId)}</span>
            <button
              type="button"
              className="parley-link-button"
              aria-label={words.room.lift(nameOf(userId))}
              onClick={() => void list.remove(userId).catch(onFailed)}
            >
              {words.remove}
            </button>
          </li>
        ))}
      </ul>
      <ShowMore list={list} />
      <TextFormButton
        icon={<PlusIcon size={16} />}
        label={words.room.addTo[kind]}
        field={words.userId}
        onSubmit={(userId) => void list.add(userId).catch(onFailed)}
      />
    </div>
  )
}
