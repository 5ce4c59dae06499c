import type { Conversation, EntryContent } from '@parley/client'
import type { NameOf } from '../view-models/use-names.ts'
import type { Words } from '../words/en.ts'
import { useWords } from '../words/words.ts'
import { FileIcon, ImageIcon } from './icons.tsx'

/** The last thing that happened in a conversation, on one line. */
export function Preview(props: { conversation: Conversation; userId: string; nameOf: NameOf }) {
  const { conversation, userId, nameOf } = props
  const words = useWords()
  const { view, typingUserIds } = conversation
  if (typingUserIds.length > 0) return <span className="preview-typing">{words.typingShort}</span>
  const pending = conversation.messages.at(-1)
  const last = pending && pending.state !== 'sent' ? pending : view?.lastMessage
  if (!last) return view?.type === 'group' ? words.members(view.memberCount) : null
  const mine = last.senderId === userId
  const who = mine ? words.you : view?.type === 'group' ? nameOf(last.senderId) : ''
  if (last.content.type === 'recalled') {
    return <i>{mine ? words.recalledOwn : words.recalledBy(nameOf(last.senderId))}</i>
  }
  return (
    <>
      {who !== '' && <span className="preview-who">{who}: </span>}
      {last.content.type === 'image' && <ImageIcon size={15} />}
      {last.content.type === 'file' && <FileIcon size={15} />}
      {summary(last.content, words)}
    </>
  )
}

function summary(content: EntryContent, words: Words): string {
  switch (content.type) {
    case 'text':
      return content.text.slice(0, 200)
    case 'image':
      return content.caption || words.photo
    case 'file':
      return content.caption || content.attachment?.name || words.file
    case 'custom':
      return content.summary ?? words.unknownContent
    default:
      return ''
  }
}
