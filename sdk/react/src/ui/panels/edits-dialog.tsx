import type { ChatMessage } from '@parley/client'
import { useEdits } from '../../chat/use-edits.ts'
import { summaryOf } from '../content/summary.ts'
import { usePane } from '../pane-context.ts'
import { Dialog } from '../parts/dialog.tsx'
import { IconButton } from '../parts/icon-button.tsx'
import { CloseIcon } from '../parts/icons.tsx'
import { RichText } from '../parts/rich-text.tsx'
import { dateTime } from '../parts/time-input.ts'
import { useLocale, useWords } from '../parts/ui-context.tsx'

/** What a message was before each of its edits, and since when; how it stands now comes first. */
export function EditsDialog({ message, onClose }: { message: ChatMessage; onClose: () => void }) {
  const { conversation } = usePane()
  const words = useWords()
  const locale = useLocale()
  const versions = useEdits(conversation, message)
  return (
    <Dialog label={words.editHistory} className="parley-dialog parley-edits" onClose={onClose}>
      <header>
        <h2>{words.editHistory}</h2>
        <IconButton label={words.close} onClick={onClose}>
          <CloseIcon />
        </IconButton>
      </header>
      <ol reversed>
        {versions?.toReversed().map(({ number, content, since }) => (
          <li key={number}>
            <small>
              {words.version(number)} · <time dateTime={since}>{dateTime(since, locale)}</time>
            </small>
            <RichText text={content.type === 'text' ? content.text : summaryOf(content, words)} />
          </li>
        ))}
      </ol>
    </Dialog>
  )
}
