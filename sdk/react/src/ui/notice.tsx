import type { ChatMessage } from '@parley/client'
import type { NameOf } from '../chat/use-names.ts'
import { usePane } from './pane-context.ts'
import { useWords } from './parts/ui-context.tsx'
import type { Words } from './words/en.ts'

/** A line that tells of something, rather than says something. */
export function Notice({ message }: { message: ChatMessage }) {
  const { userId, nameOf } = usePane()
  const words = useWords()
  const who = (id: string) => (id === userId ? words.you : id === '' ? words.system : nameOf(id))
  const text = noticeText(message, userId, words, who)
  return text === '' ? null : <div className="parley-notice">{text}</div>
}

/** What happened, in one sentence; empty where nothing needs to be told. */
export function noticeText(
  { content, senderId }: Pick<ChatMessage, 'content' | 'senderId'>,
  userId: string,
  words: Words,
  who: NameOf,
): string {
  const list = (ids: string[]) => ids.map(who).join(', ')
  switch (content.type) {
    case 'recalled':
      return senderId === userId ? words.recalledOwn : words.recalledBy(who(senderId))
    case 'expired':
      return words.expired
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
    case 'settings-changed':
      return words.profileChanged(who(senderId))
    case 'owner-changed':
      return words.ownerChanged(who(content.ownerId))
    case 'member-changed':
      return content.role ? words.roleChanged(who(content.userId), words.roles[content.role]) : ''
    case 'member-muted':
      return words.memberMuted(who(senderId), who(content.userId))
    case 'member-unmuted':
      return words.memberUnmuted(who(senderId), who(content.userId))
    case 'all-muted':
      return words.allMuted(who(senderId))
    case 'all-unmuted':
      return words.allUnmuted(who(senderId))
    case 'announcement-changed':
      return content.text === '' ? '' : words.announced(who(senderId), content.text)
    case 'expiry-changed':
      return words.expiryChanged(who(senderId))
    default:
      return ''
  }
}

const bubbles = new Set<ChatMessage['content']['type']>([
  'text',
  'image',
  'file',
  'voice',
  'video',
  'location',
  'contact',
  'sticker',
  'merged-forward',
  'poll',
  'packet',
  'stream',
  'custom',
])

/** Whether somebody says it, as against something that is told. */
export function isBubble({ content }: ChatMessage): boolean {
  return bubbles.has(content.type)
}
