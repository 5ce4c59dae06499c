import type { ChatMessage } from '@parley/client'
import { closePoll, listVotes, votePoll } from '@parley/client'
import { useEffect, useState } from 'react'
import { usePane } from '../pane-context.ts'
import { CheckIcon, PollIcon } from '../parts/icons.tsx'
import { useErrorToast } from '../parts/toasts.tsx'
import { useWords } from '../parts/ui-context.tsx'

/** A question with its options; a click votes, or takes the vote back. */
export function PollCard({ message }: { message: ChatMessage }) {
  const { conversation, userId, canManage } = usePane()
  const words = useWords()
  const onFailed = useErrorToast()
  const { content, poll, id } = message
  const [mine, setMine] = useState<readonly number[]>([])
  const anonymous = content.type === 'poll' && content.anonymous === true
  const voters = poll?.voters ?? 0
  // biome-ignore lint/correctness/useExhaustiveDependencies: the own vote is asked for once a message.
  useEffect(() => {
    if (id === undefined || anonymous || voters === 0) return
    let wanted = true
    listVotes(conversation, id, { limit: 200 }).then(
      ({ items }) => {
        const own = items.find((vote) => vote.userId === userId)
        if (wanted && own) setMine(own.options)
      },
      () => undefined, // The counts show all the same.
    )
    return () => {
      wanted = false
    }
  }, [conversation, id, anonymous])
  if (content.type !== 'poll') return null
  const closed =
    poll?.closedAt !== undefined ||
    (content.closesAt !== undefined && Date.parse(content.closesAt) < Date.now())
  const vote = (option: number) => {
    if (id === undefined) return
    const chosen = mine.includes(option)
    const others = content.multiple ? mine.filter((each) => each !== option) : []
    const next = chosen ? others : [...others, option].sort((one, other) => one - other)
    setMine(next)
    votePoll(conversation, id, next).catch((error: unknown) => {
      setMine(mine)
      onFailed(error)
    })
  }
  return (
    <div className="parley-card parley-poll" role="group" aria-label={content.question}>
      <strong>{content.question}</strong>
      <small>
        <PollIcon size={14} />
        {[
          content.multiple ? words.pollMultiple : words.pollSingle,
          content.anonymous ? words.pollAnonymous : '',
          closed ? words.pollClosed : '',
        ]
          .filter((part) => part !== '')
          .join(' · ')}
      </small>
      {content.options.map((option, index) => {
        const count = poll?.counts[index] ?? 0
        const share = voters > 0 ? count / voters : 0
        const chosen = mine.includes(index)
        return (
          <button
            // biome-ignore lint/suspicious/noArrayIndexKey: an option is its place.
            key={index}
            type="button"
            className="parley-poll-option"
            aria-pressed={chosen}
            disabled={closed || id === undefined}
            onClick={() => vote(index)}
          >
            <span className="parley-poll-bar" style={{ inlineSize: `${Math.round(share * 100)}%` }} />
            <span className="parley-poll-check">{chosen && <CheckIcon size={14} />}</span>
            <span className="parley-poll-label">{option}</span>
            <span className="parley-poll-count">{count}</span>
          </button>
        )
      })}
      <footer>
        <span>{words.votes(voters)}</span>
        {!closed && id !== undefined && (message.senderId === userId || canManage) && (
          <button
            type="button"
            className="parley-link-button"
            onClick={() => void closePoll(conversation, id).catch(onFailed)}
          >
            {words.closePoll}
          </button>
        )}
      </footer>
    </div>
  )
}
