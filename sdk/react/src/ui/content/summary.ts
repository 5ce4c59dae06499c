import type { EntryContent } from '@parley/client'
import type { Words } from '../words/en.ts'

/** A content on one line. */
export function summaryOf(content: EntryContent | { type: 'omitted'; of: string }, words: Words): string {
  switch (content.type) {
    case 'text':
      return content.text.slice(0, 200)
    case 'image':
      return content.caption || words.photo
    case 'video':
      return content.caption || words.video
    case 'file':
      return content.caption || content.attachment?.name || words.file
    case 'voice':
      return words.voice
    case 'location':
      return content.name ?? words.location
    case 'contact':
      return `${words.contact}: ${content.name}`
    case 'sticker':
      return content.emoji ? `${words.sticker} ${content.emoji}` : words.sticker
    case 'merged-forward':
      return content.title ?? words.chatHistory
    case 'poll':
      return `${words.poll}: ${content.question}`
    case 'packet':
      return `${words.packet[content.kind]}: ${content.greeting ?? words.packetGreeting}`
    case 'stream':
      return content.text.slice(0, 200) || words.writing
    case 'custom':
      return content.summary ?? words.unknownContent
    case 'expired':
      return words.expired
    case 'recalled':
      return words.recalled
    default:
      return words.unknownContent
  }
}
