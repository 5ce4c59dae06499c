import { listReactions } from '@parley/client'
import { useCallback, useEffect, useState } from 'react'
import { usePane } from '../pane-context.ts'
import { Avatar } from '../parts/avatar.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { IconButton } from '../parts/icon-button.tsx'
import { CloseIcon } from '../parts/icons.tsx'
import { useErrorToast } from '../parts/toasts.tsx'
import { useWords } from '../parts/ui-context.tsx'

/** Everybody who reacted to a message, and with what, page by page. */
export function ReactorsDialog({ messageId, onClose }: { messageId: string; onClose: () => void }) {
  const { conversation, nameOf } = usePane()
  const words = useWords()
  const onFailed = useErrorToast()
  const [reactions, setReactions] = useState<readonly { emoji: string; userId: string }[]>([])
  const [cursor, setCursor] = useState<string>()
  const load = useCallback(
    async (from?: string) => {
      const page = await listReactions(conversation, messageId, {
        limit: 100,
        ...(from !== undefined && { cursor: from }),
      })
      setReactions((known) => (from === undefined ? page.items : [...known, ...page.items]))
      setCursor(page.nextCursor)
    },
    [conversation, messageId],
  )
  useEffect(() => {
    const look = () => void load().catch(onFailed)
    look()
    return conversation.on('updated', ({ id }) => {
      if (id === messageId) look()
    })
  }, [conversation, messageId, load, onFailed])
  return (
    <Dialog label={words.whoReacted} onClose={onClose}>
      <header>
        <h2>{words.whoReacted}</h2>
        <IconButton label={words.close} onClick={onClose}>
          <CloseIcon />
        </IconButton>
      </header>
      <ul className="parley-people">
        {reactions.map(({ emoji, userId }) => (
          <li key={`${emoji} ${userId}`}>
            <Avatar id={userId} name={nameOf(userId)} size={32} />
            <span>{nameOf(userId)}</span>
            {emoji}
          </li>
        ))}
      </ul>
      {cursor !== undefined && (
        <button
          type="button"
          className="parley-link-button"
          onClick={() => void load(cursor).catch(onFailed)}
        >
          {words.showMore}
        </button>
      )}
    </Dialog>
  )
}
