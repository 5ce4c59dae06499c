import type { ChatMessage } from '@parley/client'
import { useMessageExtension } from '../../chat/use-message-extension.ts'
import { usePane } from '../pane-context.ts'
import { CheckIcon } from '../parts/icons.tsx'
import { useErrorToast } from '../parts/toasts.tsx'
import { useWords } from '../parts/ui-context.tsx'

/** The key under which the state of a task stands on a message. */
export const taskKey = 'parley.task'
const done = 'done'
export const openTask = 'open'

/** A message that members made a task: open, or done and by whom. A click turns it over. */
export function TaskChip({ message }: { message: ChatMessage }) {
  const { conversation, nameOf, userId } = usePane()
  const words = useWords()
  const onFailed = useErrorToast()
  const { current, set } = useMessageExtension(conversation, message, taskKey)
  if (!current) return null
  const isDone = current.value === done
  const who = current.userId === userId ? words.you : nameOf(current.userId)
  return (
    <button
      type="button"
      role="checkbox"
      className="parley-task"
      aria-checked={isDone}
      aria-label={words.taskState(isDone, who)}
      onClick={() => void set(isDone ? openTask : done).catch(onFailed)}
    >
      <span className="parley-choice" aria-hidden="true" data-checked={isDone || undefined}>
        {isDone && <CheckIcon size={12} />}
      </span>
      {words.taskState(isDone, who)}
    </button>
  )
}
