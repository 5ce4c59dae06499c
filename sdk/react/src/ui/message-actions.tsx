import type { ChatMessage } from '@parley/client'
import { pinMessage, translateMessage, unpinMessage } from '@parley/client'
import { useRef, useState } from 'react'
import { useMessageExtension } from '../chat/use-message-extension.ts'
import { openTask, taskKey } from './content/task-chip.tsx'
import { usePane } from './pane-context.ts'
import { IconButton } from './parts/icon-button.tsx'
import {
  CopyIcon,
  EditIcon,
  ForwardIcon,
  GroupIcon,
  MoreIcon,
  PinIcon,
  RecallIcon,
  ReplyIcon,
  SelectIcon,
  SmileIcon,
  TaskIcon,
  ThreadIcon,
  TrashIcon,
} from './parts/icons.tsx'
import { Menu, type MenuItem } from './parts/popover.tsx'
import { useErrorToast, useToast } from './parts/toasts.tsx'
import { useLocale, useWords } from './parts/ui-context.tsx'
import { ReactionPicker } from './reactions.tsx'

/** Contents that may be sent on as they are. */
const mayForward = new Set([
  'text',
  'image',
  'file',
  'voice',
  'video',
  'location',
  'contact',
  'sticker',
  'custom',
  'merged-forward',
])

/** What can be done with a message: the most used as buttons, the rest in a menu. */
export function MessageActions(props: {
  message: ChatMessage
  onTranslated: (text: string) => void
  menuOpen: boolean
  onMenu: (open: boolean) => void
}) {
  const { message, menuOpen, onMenu } = props
  const pane = usePane()
  const words = useWords()
  const anchor = useRef<HTMLButtonElement>(null)
  const items = useMenuItems(message, props.onTranslated)
  const { id } = message
  if (id === undefined) return null
  const gone = message.content.type === 'recalled' || message.content.type === 'expired'
  const own = message.senderId === pane.userId
  return (
    <div
      className="parley-actions"
      role="toolbar"
      aria-label={words.actions}
      data-open={menuOpen || undefined}
    >
      {!gone && <ReactionPicker message={message} />}
      {!gone && (
        <IconButton label={words.reply} onClick={() => pane.reply(message)}>
          <ReplyIcon size={17} />
        </IconButton>
      )}
      {own && message.content.type === 'text' && (
        <IconButton label={words.edit} onClick={() => pane.edit(message)}>
          <EditIcon size={16} />
        </IconButton>
      )}
      <IconButton ref={anchor} label={words.more} expanded={menuOpen} onClick={() => onMenu(!menuOpen)}>
        <MoreIcon size={17} />
      </IconButton>
      {menuOpen && <Menu anchor={anchor} label={words.actions} items={items} onClose={() => onMenu(false)} />}
    </div>
  )
}

function useMenuItems(message: ChatMessage, onTranslated: (text: string) => void): MenuItem[] {
  const pane = usePane()
  const words = useWords()
  const locale = useLocale()
  const toast = useToast()
  const onFailed = useErrorToast()
  const [translating, setTranslating] = useState(false)
  const task = useMessageExtension(pane.conversation, message, taskKey)
  const { conversation } = pane
  const { id, seq, content } = message
  if (id === undefined || seq === undefined) return []
  const gone = content.type === 'recalled' || content.type === 'expired'
  const own = message.senderId === pane.userId
  const pinned = pane.isPinned(message)
  const items: (MenuItem | false)[] = [
    !gone &&
      !pane.inThread && {
        key: 'thread',
        label: words.openThread,
        icon: <ThreadIcon size={17} />,
        onChoose: () => pane.openThread(id),
      },
    content.type === 'text' && {
      key: 'copy',
      label: words.copy,
      icon: <CopyIcon size={17} />,
      onChoose: () => {
        navigator.clipboard?.writeText(content.text).then(() => toast(words.copied), onFailed)
      },
    },
    mayForward.has(content.type) && {
      key: 'forward',
      label: words.forward,
      icon: <ForwardIcon size={17} />,
      onChoose: () => pane.forward([message]),
    },
    !gone &&
      (!pane.isGroup || pane.canManage) && {
        key: 'pin',
        label: pinned ? words.unpin : words.pin,
        icon: <PinIcon size={17} />,
        onChoose: () =>
          void (pinned ? unpinMessage(conversation, id) : pinMessage(conversation, id)).catch(onFailed),
      },
    content.type === 'text' &&
      !own &&
      !translating && {
        key: 'translate',
        label: words.translate,
        icon: (
          <span className="parley-letter" aria-hidden="true">
            文
          </span>
        ),
        onChoose: () => {
          setTranslating(true)
          translateMessage(conversation, id, locale)
            .then(({ text }) => onTranslated(text), onFailed)
            .finally(() => setTranslating(false))
        },
      },
    !gone && {
      key: 'task',
      label: task.current ? words.removeTask : words.makeTask,
      icon: <TaskIcon size={17} />,
      onChoose: () => void (task.current ? task.remove() : task.set(openTask)).catch(onFailed),
    },
    (message.reactions?.length ?? 0) > 0 && {
      key: 'reactors',
      label: words.whoReacted,
      icon: <SmileIcon size={17} />,
      onChoose: () => pane.showReactors(message),
    },
    message.editedAt !== undefined && {
      key: 'edits',
      label: words.editHistory,
      icon: <EditIcon size={17} />,
      onChoose: () => pane.showEdits(message),
    },
    own &&
      pane.isGroup &&
      !gone && {
        key: 'readers',
        label: words.whoHasRead,
        icon: <GroupIcon size={17} />,
        onChoose: () => pane.showReaders(message),
      },
    !gone &&
      !pane.inThread && {
        key: 'select',
        label: words.select,
        icon: <SelectIcon size={17} />,
        onChoose: () => pane.choose(message),
      },
    (own || (pane.canManage && pane.isGroup)) &&
      !gone && {
        key: 'recall',
        label: words.recall,
        icon: <RecallIcon size={17} />,
        onChoose: () => void conversation.recall(id).catch(onFailed),
      },
    {
      key: 'delete',
      label: words.deleteForMe,
      icon: <TrashIcon size={17} />,
      danger: true,
      onChoose: () => void conversation.deleteForMe([seq]).catch(onFailed),
    },
  ]
  return items.filter((item) => item !== false)
}
