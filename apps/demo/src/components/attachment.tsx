import type { ChatMessage, Conversation } from '@parley/client'
import { useState } from 'react'
import { useAttachmentUrl } from '../view-models/use-attachment-url.ts'
import { useLocale, useWords } from '../words/words.ts'
import { size } from './format.ts'
import { DownloadIcon, FileIcon, ImageIcon } from './icons.tsx'
import { useErrorToast } from './toasts.tsx'

const widest = 320
const highest = 360

export function ImageCard(props: { conversation: Conversation; message: ChatMessage; onView: () => void }) {
  const { conversation, message, onView } = props
  const words = useWords()
  const { url, onBroken } = useAttachmentUrl(conversation, message)
  const [shown, setShown] = useState(false)
  const { content } = message
  if (content.type !== 'image') return null
  const { width = 4, height = 3 } = content
  const scale = Math.min(1, widest / width, highest / height)
  const style = {
    width: content.width ? Math.max(96, Math.round(width * scale)) : 240,
    aspectRatio: `${width} / ${height}`,
  }
  const name = content.attachment?.name ?? words.photo
  return (
    <button
      type="button"
      className="image-card"
      style={style}
      aria-label={words.openImage(name)}
      onClick={onView}
    >
      {!shown && <ImageIcon size={28} />}
      {url && (
        <img
          src={url}
          alt={content.caption ?? name}
          data-shown={shown || undefined}
          onLoad={() => setShown(true)}
          onError={onBroken}
        />
      )}
      {message.state === 'sending' && <Progress share={message.progress ?? 0} />}
    </button>
  )
}

export function FileCard({ conversation, message }: { conversation: Conversation; message: ChatMessage }) {
  const words = useWords()
  const locale = useLocale()
  const onFailed = useErrorToast()
  const { content, state, progress = 0, seq = 0 } = message
  if (content.type !== 'file') return null
  const { attachment } = content
  const name = attachment?.name ?? words.file
  const download = () => {
    conversation.fileUrl(seq, { renew: true }).then((url) => {
      if (url === undefined) return
      const link = document.createElement('a')
      link.href = url
      link.download = name
      link.rel = 'noopener'
      link.click()
    }, onFailed)
  }
  return (
    <button
      type="button"
      className="file-card"
      disabled={state !== 'sent'}
      aria-label={`${words.download}: ${name}`}
      onClick={download}
    >
      <span className="file-mark">
        {state === 'sending' ? <Progress share={progress} /> : <FileIcon size={22} />}
      </span>
      <span className="file-text">
        <span className="file-name">{name}</span>
        <span className="file-size">{attachment && size(attachment.sizeBytes, locale)}</span>
      </span>
      {state === 'sent' && <DownloadIcon size={18} />}
    </button>
  )
}

const radius = 15
const round = 2 * Math.PI * radius

function Progress({ share }: { share: number }) {
  const words = useWords()
  const percent = Math.round(share * 100)
  return (
    <span
      className="progress"
      role="progressbar"
      aria-valuenow={percent}
      aria-label={words.uploading(percent)}
    >
      <svg viewBox="0 0 36 36" width="36" height="36" aria-hidden="true">
        <circle cx="18" cy="18" r={radius} className="progress-track" />
        <circle
          cx="18"
          cy="18"
          r={radius}
          className="progress-bar"
          strokeDasharray={round}
          strokeDashoffset={round * (1 - Math.max(0.04, share))}
        />
      </svg>
    </span>
  )
}
