import { useState } from 'react'
import { useReaders } from '../../chat/use-receipts.ts'
import { usePane } from '../pane-context.ts'
import { Avatar } from '../parts/avatar.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { IconButton } from '../parts/icon-button.tsx'
import { CloseIcon } from '../parts/icons.tsx'
import { ShowMore } from '../parts/show-more.tsx'
import { useWords } from '../parts/ui-context.tsx'

/** Who has read a message of a group, and who has not. */
export function ReadersDialog({ messageId, onClose }: { messageId: string; onClose: () => void }) {
  const { conversation, nameOf } = usePane()
  const words = useWords()
  const model = useReaders(conversation, messageId)
  const [tab, setTab] = useState<'read' | 'unread'>('read')
  return (
    <Dialog label={words.whoHasRead} onClose={onClose}>
      <header>
        <h2>{words.whoHasRead}</h2>
        <IconButton label={words.close} onClick={onClose}>
          <CloseIcon />
        </IconButton>
      </header>
      <div role="tablist" className="parley-tabs" aria-label={words.whoHasRead}>
        {(['read', 'unread'] as const).map((each) => (
          <button
            key={each}
            type="button"
            role="tab"
            aria-selected={tab === each}
            onClick={() => setTab(each)}
          >
            {words.readTab[each]} {each === 'read' ? model.readCount : model.unreadCount}
          </button>
        ))}
      </div>
      <ul className="parley-people" role="tabpanel" aria-label={words.readTab[tab]}>
        {model[tab].map((userId) => (
          <li key={userId}>
            <Avatar id={userId} name={nameOf(userId)} size={32} />
            <span>{nameOf(userId)}</span>
          </li>
        ))}
      </ul>
      <ShowMore list={model} />
    </Dialog>
  )
}
