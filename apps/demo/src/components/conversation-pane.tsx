import type { ChatMessage, Conversation, Parley } from '@parley/client'
import { type DragEvent, useEffect, useRef, useState } from 'react'
import { useComposer } from '../view-models/use-composer.ts'
import { type NameOf, titleOf } from '../view-models/use-names.ts'
import { usePresence } from '../view-models/use-presence.ts'
import { useThread } from '../view-models/use-thread.ts'
import { useLocale, useWords } from '../words/words.ts'
import { Avatar } from './avatar.tsx'
import { Composer } from './composer.tsx'
import { moment } from './format.ts'
import { IconButton } from './icon-button.tsx'
import { BackIcon, ImageIcon } from './icons.tsx'
import { Lightbox } from './lightbox.tsx'
import { MessageList } from './message-list.tsx'
import { useErrorToast } from './toasts.tsx'

export function ConversationPane(props: {
  parley: Parley
  conversation: Conversation
  nameOf: NameOf
  onBack: () => void
}) {
  const { parley, conversation, nameOf } = props
  const words = useWords()
  const onFailed = useErrorToast()
  const thread = useThread(conversation, parley.userId)
  const composer = useComposer(conversation, parley.userId, onFailed)
  const [viewed, setViewed] = useState<ChatMessage>()
  const drop = useFileDrop(composer.addFiles)
  const title = titleOf(conversation, nameOf)

  return (
    <div className="pane" {...drop.handlers}>
      <header className="pane-head">
        <IconButton label={words.back} className="back" onClick={props.onBack}>
          <BackIcon />
        </IconButton>
        <Title parley={parley} conversation={conversation} nameOf={nameOf} title={title} />
      </header>
      <MessageList
        parley={parley}
        conversation={conversation}
        thread={thread}
        nameOf={nameOf}
        title={title}
        onView={setViewed}
        onEdit={composer.startEdit}
      />
      <Composer composer={composer} messages={thread.messages} userId={parley.userId} title={title} />
      {drop.over && (
        <div className="drop">
          <ImageIcon size={36} />
          {words.dropHere}
        </div>
      )}
      {viewed && (
        <Lightbox
          conversation={conversation}
          images={thread.messages.filter(({ content }) => content.type === 'image')}
          shownKey={viewed.key}
          nameOf={nameOf}
          onShow={setViewed}
          onClose={() => setViewed(undefined)}
        />
      )}
    </div>
  )
}

function Title(props: { parley: Parley; conversation: Conversation; nameOf: NameOf; title: string }) {
  const { parley, conversation, nameOf, title } = props
  const words = useWords()
  const locale = useLocale()
  const { peerId, view, typingUserIds } = conversation
  const presence = usePresence(parley, peerId)
  let status = ''
  if (typingUserIds.length > 0) status = words.typing(typingUserIds.map(nameOf))
  else if (peerId === undefined) status = words.members(view?.memberCount ?? 0)
  else if (presence?.status === 'online') status = words.online
  else if (presence?.lastSeenAt)
    status = words.lastSeen(moment(Date.parse(presence.lastSeenAt), locale, words))
  else if (presence) status = words.offline
  return (
    <>
      <Avatar
        id={peerId ?? conversation.id}
        name={title}
        group={peerId === undefined}
        size={36}
        {...(presence && { online: presence.status === 'online' })}
      />
      <div className="pane-title">
        <h2>{title}</h2>
        <span aria-live="polite" data-typing={typingUserIds.length > 0 || undefined}>
          {status}
        </span>
      </div>
    </>
  )
}

function useFileDrop(addFiles: (files: Iterable<File>) => void) {
  const depth = useRef(0)
  const [over, setOver] = useState(false)
  useEffect(() => {
    // A file dropped beside the target would replace the page.
    const keep = (event: Event) => event.preventDefault()
    window.addEventListener('dragover', keep)
    window.addEventListener('drop', keep)
    return () => {
      window.removeEventListener('dragover', keep)
      window.removeEventListener('drop', keep)
    }
  }, [])
  const hasFiles = (event: DragEvent) => event.dataTransfer.types.includes('Files')
  return {
    over,
    handlers: {
      onDragEnter: (event: DragEvent) => {
        if (!hasFiles(event)) return
        depth.current++
        setOver(true)
      },
      onDragLeave: (event: DragEvent) => {
        if (!hasFiles(event)) return
        depth.current = Math.max(0, depth.current - 1)
        if (depth.current === 0) setOver(false)
      },
      onDrop: (event: DragEvent) => {
        event.preventDefault()
        depth.current = 0
        setOver(false)
        if (event.dataTransfer.files.length > 0) addFiles(event.dataTransfer.files)
      },
    },
  }
}
