import type { ChatMessage, Conversation } from '@parley/client'
import { useEffect } from 'react'
import { useAttachmentUrl } from '../view-models/use-attachment-url.ts'
import type { NameOf } from '../view-models/use-names.ts'
import { useLocale, useWords } from '../words/words.ts'
import { Dialog } from './dialog.tsx'
import { clock, day } from './format.ts'
import { IconButton } from './icon-button.tsx'
import { BackIcon, CloseIcon, DownloadIcon } from './icons.tsx'

export function Lightbox(props: {
  conversation: Conversation
  images: readonly ChatMessage[]
  shownKey: string
  nameOf: NameOf
  onShow: (message: ChatMessage) => void
  onClose: () => void
}) {
  const { conversation, images, shownKey, nameOf, onShow, onClose } = props
  const words = useWords()
  const locale = useLocale()
  const index = images.findIndex(({ key }) => key === shownKey)
  const message = images[index]
  const previous = images[index - 1]
  const next = images[index + 1]
  useEffect(() => {
    const onKey = ({ key }: KeyboardEvent) => {
      if (key === 'ArrowLeft' && previous) onShow(previous)
      if (key === 'ArrowRight' && next) onShow(next)
    }
    window.addEventListener('keydown', onKey)
    return () => window.removeEventListener('keydown', onKey)
  }, [previous, next, onShow])
  useEffect(() => {
    if (!message) onClose()
  }, [message, onClose])
  if (!message) return null
  return (
    <Dialog className="lightbox" label={words.photo} onClose={onClose}>
      <header>
        <div>
          <strong>{nameOf(message.senderId)}</strong>
          <span>
            {day(message.createdAt, locale, words)} {clock(message.createdAt, locale)}
          </span>
        </div>
        <Save conversation={conversation} message={message} />
        <IconButton label={words.close} onClick={onClose}>
          <CloseIcon />
        </IconButton>
      </header>
      <Picture key={message.key} conversation={conversation} message={message} />
      {previous && (
        <IconButton label={words.previousImage} className="turn left" onClick={() => onShow(previous)}>
          <BackIcon size={26} />
        </IconButton>
      )}
      {next && (
        <IconButton label={words.nextImage} className="turn right" onClick={() => onShow(next)}>
          <BackIcon size={26} />
        </IconButton>
      )}
    </Dialog>
  )
}

function Picture({ conversation, message }: { conversation: Conversation; message: ChatMessage }) {
  const { url } = useAttachmentUrl(conversation, message)
  const { content } = message
  const alt = content.type === 'image' ? (content.caption ?? content.attachment?.name ?? '') : ''
  return <div className="picture">{url && <img src={url} alt={alt} />}</div>
}

function Save({ conversation, message }: { conversation: Conversation; message: ChatMessage }) {
  const words = useWords()
  const { url } = useAttachmentUrl(conversation, message)
  const { content } = message
  if (!url || content.type !== 'image') return null
  return (
    <a
      className="icon-button"
      href={url}
      download={content.attachment?.name}
      rel="noopener"
      aria-label={words.download}
      title={words.download}
    >
      <DownloadIcon />
    </a>
  )
}
