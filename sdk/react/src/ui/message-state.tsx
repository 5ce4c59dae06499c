import type { ChatMessage } from '@parley/client'
import { usePane } from './pane-context.ts'
import { AlertIcon, CheckIcon, ClockIcon, DoubleCheckIcon } from './parts/icons.tsx'
import { useWords } from './parts/ui-context.tsx'

/** Where an own message stands: on its way, stored, on the other's device, read (in groups by how many). */
export function MessageState({ message }: { message: ChatMessage }) {
  const { receiptOf, isGroup, showReaders } = usePane()
  const words = useWords()
  const { state, readers, others } = receiptOf(message)
  const label = state === 'read' && isGroup ? words.readBy(readers, others) : words.state[state]
  const mark = (
    <>
      {isGroup && readers > 0 && <span className="parley-readers">{readers}</span>}
      {state === 'sending' && <ClockIcon size={14} />}
      {state === 'failed' && <AlertIcon size={14} />}
      {state === 'sent' && <CheckIcon size={14} />}
      {(state === 'delivered' || state === 'read') && <DoubleCheckIcon size={15} />}
    </>
  )
  if (isGroup && message.id !== undefined) {
    return (
      <button
        type="button"
        className="parley-message-state"
        data-state={state}
        aria-label={label}
        title={label}
        onClick={() => showReaders(message)}
      >
        {mark}
      </button>
    )
  }
  return (
    <span className="parley-message-state" data-state={state} role="img" aria-label={label} title={label}>
      {mark}
    </span>
  )
}
