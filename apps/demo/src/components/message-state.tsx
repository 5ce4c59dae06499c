import type { ChatMessage } from '@parley/client'
import type { Receipt } from '../view-models/use-thread.ts'
import { useWords } from '../words/words.ts'
import { AlertIcon, CheckIcon, ClockIcon, DoubleCheckIcon } from './icons.tsx'

/** Where an own message stands: on its way, stored, read (by how many). */
export function MessageState({ message, receipt }: { message: ChatMessage; receipt?: Receipt }) {
  const words = useWords()
  if (message.state !== 'sent') {
    const label = words.state[message.state]
    return (
      <span className="message-state" data-state={message.state} role="img" aria-label={label} title={label}>
        {message.state === 'sending' ? <ClockIcon size={14} /> : <AlertIcon size={14} />}
      </span>
    )
  }
  const { readers = 0, others = 1 } = receipt ?? {}
  const read = readers > 0
  const label = read ? (others > 1 ? words.readBy(readers, others) : words.state.read) : words.state.sent
  return (
    <span
      className="message-state"
      data-state={read ? 'read' : 'sent'}
      role="img"
      aria-label={label}
      title={label}
    >
      {read && others > 1 && <span className="readers">{readers}</span>}
      {read ? <DoubleCheckIcon size={15} /> : <CheckIcon size={14} />}
    </span>
  )
}
