import type { ChatMessage } from '@parley/client'
import { usePane } from '../pane-context.ts'
import { size } from '../parts/format.ts'
import { DownloadIcon, FileIcon } from '../parts/icons.tsx'
import { useErrorToast } from '../parts/toasts.tsx'
import { useLocale, useWords } from '../parts/ui-context.tsx'
import { Progress } from './progress.tsx'

export function FileCard({ message }: { message: ChatMessage }) {
  const { conversation } = usePane()
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
      className="parley-file-card"
      disabled={state !== 'sent'}
      title={`${words.download}: ${name}`}
      onClick={download}
    >
      <span className="parley-file-mark">
        {state === 'sending' ? <Progress share={progress} /> : <FileIcon size={22} />}
      </span>
      <span className="parley-file-text">
        <span className="parley-file-name">{name}</span>
        <span className="parley-file-size">{attachment && size(attachment.sizeBytes, locale)}</span>
      </span>
      {state === 'sent' && <DownloadIcon size={18} />}
    </button>
  )
}
