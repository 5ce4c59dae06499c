import type { ChatMessage } from '@parley/client'
import { useEffect } from 'react'
import { useFileUrl } from '../../chat/use-file-url.ts'
import { usePane } from '../pane-context.ts'
import { Dialog } from '../parts/dialog.tsx'
import { clock, day } from '../parts/format.ts'
import { IconButton } from '../parts/icon-button.tsx'
import { BackIcon, CloseIcon, DownloadIcon } from '../parts/icons.tsx'
import { useLocale, useWords } from '../parts/ui-context.tsx'

/** Pictures and films of a conversation, large; the arrow keys go through them. */
export function Viewer(props: {
  messages: readonly ChatMessage[]
  shownKey: string
  onShow: (message: ChatMessage) => void
  onClose: () => void
}) {
  const { messages, shownKey, onShow, onClose } = props
  const { nameOf } = usePane()
  const words = useWords()
  const locale = useLocale()
  const index = messages.findIndex(({ key }) => key === shownKey)
  const message = messages[index]
  const previous = messages[index - 1]
  const next = messages[index + 1]
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
    <Dialog className="parley-viewer" label={words.photo} onClose={onClose}>
      <header>
        <div>
          <strong>{nameOf(message.senderId)}</strong>
          <span>
            {day(message.createdAt, locale, words)} {clock(message.createdAt, locale)}
          </span>
        </div>
        <Save message={message} />
        <IconButton label={words.close} onClick={onClose}>
          <CloseIcon />
        </IconButton>
      </header>
      <Picture key={message.key} message={message} />
      {previous && (
        <IconButton
          label={words.previousImage}
          className="parley-turn parley-turn-back"
          onClick={() => onShow(previous)}
        >
          <BackIcon size={26} />
        </IconButton>
      )}
      {next && (
        <IconButton
          label={words.nextImage}
          className="parley-turn parley-turn-on"
          onClick={() => onShow(next)}
        >
          <BackIcon size={26} />
        </IconButton>
      )}
    </Dialog>
  )
}

function Picture({ message }: { message: ChatMessage }) {
  const { conversation } = usePane()
  const { url, onBroken } = useFileUrl(conversation, message)
  const { content } = message
  if (!url) return <div className="parley-picture" />
  if (content.type === 'video') {
    return (
      <div className="parley-picture">
        <video src={url} controls autoPlay playsInline onError={onBroken} />
      </div>
    )
  }
  const alt = content.type === 'image' ? (content.caption ?? content.attachment?.name ?? '') : ''
  return (
    <div className="parley-picture">
      <img src={url} alt={alt} onError={onBroken} />
    </div>
  )
}

function Save({ message }: { message: ChatMessage }) {
  const { conversation } = usePane()
  const words = useWords()
  const { url } = useFileUrl(conversation, message)
  const { content } = message
  if (!url || !('attachment' in content)) return null
  return (
    <a
      className="parley-icon-button"
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
