import type { ChatMessage } from '@parley/client'
import type { NameOf } from '../view-models/use-names.ts'
import type { Words } from '../words/en.ts'
import { useWords } from '../words/words.ts'

/** A line that tells of something, rather than says something. */
export function Notice(props: { message: ChatMessage; userId: string; nameOf: NameOf }) {
  const words = useWords()
  const who = (userId: string) => (userId === props.userId ? words.you : props.nameOf(userId))
  const text = describe(props.message, props.userId, words, who)
  return text === '' ? null : <div className="notice">{text}</div>
}

function describe(message: ChatMessage, userId: string, words: Words, who: NameOf): string {
  const { content, senderId } = message
  const list = (ids: string[]) => ids.map(who).join(', ')
  switch (content.type) {
    case 'recalled':
      return senderId === userId ? words.recalledOwn : words.recalledBy(who(senderId))
    case 'members-added': {
      const others = content.members.map((member) => member.userId).filter((id) => id !== senderId)
      return others.length > 0 ? words.added(who(senderId), list(others)) : ''
    }
    case 'members-removed':
      return content.left
        ? words.left(list(content.userIds))
        : words.removed(who(senderId), list(content.userIds))
    case 'profile-changed':
      return content.name ? words.renamed(who(senderId), content.name) : words.profileChanged(who(senderId))
    default:
      return ''
  }
}
