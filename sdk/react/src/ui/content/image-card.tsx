import type { ChatMessage } from '@parley/client'
import { useState } from 'react'
import { useFileUrl } from '../../chat/use-file-url.ts'
import { usePane } from '../pane-context.ts'
import { duration } from '../parts/format.ts'
import { ImageIcon, PlayIcon } from '../parts/icons.tsx'
import { useWords } from '../parts/ui-context.tsx'
import { Progress } from './progress.tsx'

const widest = 320
const highest = 360

/** A picture or a film in the conversation; opening it shows it large. */
export function ImageCard({ message }: { message: ChatMessage }) {
  const { conversation, view } = usePane()
  const words = useWords()
  const { url, onBroken } = useFileUrl(conversation, message)
  const [shown, setShown] = useState(false)
  const { content } = message
  if (content.type !== 'image' && content.type !== 'video') return null
  const isVideo = content.type === 'video'
  const { width = 4, height = 3 } = content
  const scale = Math.min(1, widest / width, highest / height)
  const style = {
    width: content.width ? Math.max(96, Math.round(width * scale)) : 240,
    aspectRatio: `${width} / ${height}`,
  }
  const name = content.attachment?.name ?? (isVideo ? words.video : words.photo)
  const length = isVideo && content.durationMs !== undefined ? `, ${duration(content.durationMs)}` : ''
  const label = isVideo ? words.openVideo(name) + length : words.openImage(name)
  const poster = isVideo ? content.poster?.url : undefined
  return (
    <button
      type="button"
      className="parley-image-card"
      style={style}
      data-video={isVideo || undefined}
      aria-label={label}
      onClick={() => view(message)}
    >
      {!shown && !isVideo && <ImageIcon size={28} />}
      {url && !isVideo && (
        <img
          src={url}
          alt={content.caption ?? name}
          data-shown={shown || undefined}
          onLoad={() => setShown(true)}
          onError={onBroken}
        />
      )}
      {isVideo && poster && <img src={poster} alt="" data-shown />}
      {isVideo && !poster && url && (
        <video src={`${url}#t=0.1`} preload="metadata" muted playsInline tabIndex={-1} onError={onBroken} />
      )}
      {isVideo && message.state === 'sent' && (
        <span className="parley-play">
          <PlayIcon size={22} />
          {content.durationMs !== undefined && <small>{duration(content.durationMs)}</small>}
        </span>
      )}
      {message.state === 'sending' && <Progress share={message.progress ?? 0} />}
    </button>
  )
}
