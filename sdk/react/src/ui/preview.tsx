import type { Conversation } from '@parley/client'
import { useNames } from '../chat/use-names.ts'
import { summaryOf } from './content/summary.ts'
import { noticeText } from './notice.tsx'
import { FileIcon, ImageIcon, MicrophoneIcon } from './parts/icons.tsx'
import { useWords } from './parts/ui-context.tsx'

/** The last thing that happened in a conversation, on one line. */
export function Preview(props: { conversation: Conversation; userId: string; current: boolean }) {
  const { conversation, userId } = props
  const nameOf = useNames()
  const words = useWords()
  const { view, typingUserIds } = conversation
  if (typingUserIds.length > 0) return <span className="parley-preview-typing">{words.typingShort}</span>
  if (view?.draft && !props.current) {
    return (
      <>
        <span className="parley-preview-draft">{words.draft} </span>
        {view.draft.text.slice(0, 200)}
      </>
    )
  }
  const pending = conversation.messages.at(-1)
  const last = pending && pending.state !== 'sent' ? pending : view?.lastMessage
  if (!last) return view && view.type !== 'direct' ? words.members(view.memberCount) : null
  const mine = last.senderId === userId
  const who = mine ? words.you : view?.type === 'group' ? nameOf(last.senderId) : ''
  const { content } = last
  const notice = noticeText(last, userId, words, (id) => (id === userId ? words.you : nameOf(id)))
  if (notice !== '') return <i>{notice}</i>
  return (
    <>
      {who !== '' && <span className="parley-preview-who">{who}: </span>}
      {content.type === 'image' && <ImageIcon size={15} />}
      {content.type === 'file' && <FileIcon size={15} />}
      {content.type === 'voice' && <MicrophoneIcon size={15} />}
      {summaryOf(content, words)}
    </>
  )
}
