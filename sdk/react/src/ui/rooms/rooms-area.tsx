import { createChatRoom } from '@parley/client'
import { useState } from 'react'
import { type ListedChatRoom, useChatRooms, useOpenChatRooms } from '../../chat/use-chat-rooms.ts'
import { useParley } from '../../parley-context.ts'
import { AreaMain } from '../areas/place.tsx'
import { Check, Field } from '../composer/forms.tsx'
import { RoomsIcon } from '../parts/area-icons.tsx'
import { FormDialog } from '../parts/dialog.tsx'
import { IconButton } from '../parts/icon-button.tsx'
import { CloseIcon, LinkIcon, PlusIcon } from '../parts/icons.tsx'
import { moveAmong } from '../parts/move-among.ts'
import { Segments } from '../parts/segments.tsx'
import { ShowMore } from '../parts/show-more.tsx'
import { EmptyNotice } from '../parts/state-notice.tsx'
import { useErrorToast } from '../parts/toasts.tsx'
import { useWords } from '../parts/ui-context.tsx'
import { useKept } from '../parts/use-kept.ts'
import { ChatRoomPane } from './chat-room-pane.tsx'

/**
 * Chat rooms: those of the application, those that the user made or entered, and those that everybody finds. The one that
 * is open is joined, and left with it.
 */
export function RoomsArea({ offered }: { offered: readonly string[] }) {
  const { userId } = useParley()
  const words = useWords()
  const [kept, keep] = useKept(`parley rooms ${userId}`)
  const [openId, setOpenId] = useState<string>()
  const [dialog, setDialog] = useState(false)
  const own = kept.split('\n').filter((id) => id !== '' && !offered.includes(id))
  const { rooms, refresh } = useChatRooms([...own, ...offered])
  const found = useOpenChatRooms()
  const others = found.items.filter(({ id }) => !own.includes(id) && !offered.includes(id))
  const open = (id: string) => {
    if (!own.includes(id) && !offered.includes(id)) keep([id, ...own].join('\n'))
    setOpenId(id)
  }
  return (
    <>
      <nav className="parley-sidebar" aria-label={words.areas.rooms}>
        <header className="parley-sidebar-head">
          <h2 className="parley-area-title">{words.areas.rooms}</h2>
          <IconButton label={words.room.create} onClick={() => setDialog(true)}>
            <PlusIcon />
          </IconButton>
        </header>
        {rooms.length + others.length === 0 ? (
          <EmptyNotice icon={<RoomsIcon size={28} />} title={words.room.none} text={words.room.noneText}>
            <button type="button" className="parley-button parley-primary" onClick={() => setDialog(true)}>
              {words.room.create}
            </button>
          </EmptyNotice>
        ) : (
          <div className="parley-conversations" onKeyDown={moveAmong('.parley-conversation')}>
            <ul>
              {rooms.map((room) => (
                <li key={room.id} className="parley-room-line">
                  <RoomItem room={room} current={room.id === openId} onOpen={() => open(room.id)} />
                  {own.includes(room.id) && (
                    <IconButton
                      label={`${words.room.forget}: ${nameOfRoom(room)}`}
                      className="parley-forget"
                      onClick={() => {
                        keep(own.filter((id) => id !== room.id).join('\n'))
                        if (openId === room.id) setOpenId(undefined)
                      }}
                    >
                      <CloseIcon size={15} />
                    </IconButton>
                  )}
                </li>
              ))}
            </ul>
            {others.length > 0 && (
              <section className="parley-open-rooms" aria-label={words.room.openRooms}>
                <h3>{words.room.openRooms}</h3>
                <ul>
                  {others.map((facts) => (
                    <li key={facts.id}>
                      <RoomItem
                        room={{ id: facts.id, status: 'ready', facts }}
                        current={false}
                        onOpen={() => open(facts.id)}
                      />
                    </li>
                  ))}
                </ul>
                <ShowMore list={found} />
              </section>
            )}
          </div>
        )}
      </nav>
      <AreaMain shown={openId !== undefined}>
        {openId !== undefined ? (
          <ChatRoomPane
            key={openId}
            chatRoomId={openId}
            onBack={() => {
              setOpenId(undefined)
              refresh()
              void found.refresh()
            }}
          />
        ) : (
          <EmptyNotice
            icon={<RoomsIcon size={28} />}
            title={words.room.choose}
            text={words.room.chooseText}
          />
        )}
      </AreaMain>
      {dialog && <RoomDialog onOpen={open} onClose={() => setDialog(false)} />}
    </>
  )
}

const nameOfRoom = (room: ListedChatRoom) => (room.status === 'ready' && room.facts.name) || room.id

function RoomItem(props: { room: ListedChatRoom; current: boolean; onOpen: () => void }) {
  const { room } = props
  const words = useWords()
  const online = room.status === 'ready' ? room.facts.online : 0
  return (
    <button
      type="button"
      className="parley-conversation"
      aria-current={props.current || undefined}
      disabled={room.status === 'gone'}
      onClick={props.onOpen}
    >
      <span className="parley-room-mark" data-live={online > 0 || undefined}>
        <RoomsIcon size={22} />
      </span>
      <span className="parley-conversation-text">
        <span className="parley-conversation-line">
          <strong className="parley-conversation-title">{nameOfRoom(room)}</strong>
        </span>
        <span className="parley-conversation-preview">
          {room.status === 'ready' && words.room.onlineNow(online)}
          {room.status === 'gone' && words.room.gone}
          {room.status === 'failed' && words.loadFailed}
          {room.status === 'loading' && words.loading}
        </span>
      </span>
    </button>
  )
}

/** Makes a chat room, or enters one by its id. */
function RoomDialog(props: { onOpen: (chatRoomId: string) => void; onClose: () => void }) {
  const { chat } = useParley()
  const words = useWords()
  const onFailed = useErrorToast()
  const [kind, setKind] = useState<'create' | 'enter'>('create')
  const [name, setName] = useState('')
  const [id, setId] = useState('')
  const [history, setHistory] = useState(true)
  const [listed, setListed] = useState(true)
  const [busy, setBusy] = useState(false)
  const submit = () => {
    if (kind === 'enter') {
      props.onOpen(id.trim())
      props.onClose()
      return
    }
    setBusy(true)
    createChatRoom(chat, { name: name.trim(), history, listed })
      .then((room) => {
        props.onOpen(room.id)
        props.onClose()
      }, onFailed)
      .finally(() => setBusy(false))
  }
  return (
    <FormDialog
      title={kind === 'create' ? words.room.create : words.room.enter}
      submit={kind === 'create' ? words.create : words.join}
      ready={(kind === 'create' ? name : id).trim() !== '' && !busy}
      onSubmit={submit}
      onClose={props.onClose}
    >
      <Segments
        label={words.areas.rooms}
        value={kind}
        onChange={setKind}
        options={[
          { value: 'create', label: words.create, icon: <RoomsIcon size={17} /> },
          { value: 'enter', label: words.join, icon: <LinkIcon size={17} /> },
        ]}
      />
      {kind === 'create' ? (
        <>
          <Field label={words.room.name} value={name} maxLength={256} onChange={setName} />
          <Check label={words.room.keepHistory} checked={history} onChange={setHistory} />
          <Check label={words.room.listed} checked={listed} onChange={setListed} />
        </>
      ) : (
        <Field label={words.room.id} value={id} onChange={setId} />
      )}
    </FormDialog>
  )
}
