import type { EntryContent, Message } from '@parley/contracts'
import { changesConversation } from '@parley/contracts'

const silent = new Set(['edit', 'recall', 'expire', 'annotated', 'recalled', 'expired', 'hidden', 'omitted'])

/** Whether an entry is a message of a user that still says something. */
export function isPushed({ content, senderId }: Message): boolean {
  return senderId !== '' && !silent.has(content.type) && !changesConversation(content)
}

/** What `{{message.text}}` stands for. */
export function textOf(content: EntryContent): string {
  switch (content.type) {
    case 'text':
      return content.text
    case 'image':
    case 'video':
      return content.caption ?? ''
    case 'file':
      return content.caption ?? content.attachment?.name ?? ''
    case 'location':
    case 'contact':
      return content.name ?? ''
    case 'sticker':
      return content.emoji ?? ''
    case 'merged-forward':
      return content.title ?? ''
    case 'poll':
      return content.question
    case 'packet':
      return content.greeting ?? ''
    case 'custom':
      return content.summary ?? ''
    default:
      return ''
  }
}

export interface Mentions {
  all: boolean
  userIds: ReadonlySet<string>
}

/** Whom the message calls by name. */
export function mentionsOf(content: EntryContent): Mentions {
  const given = content.type === 'text' ? content.mentions : undefined
  return { all: given?.all ?? false, userIds: new Set(given?.userIds) }
}
