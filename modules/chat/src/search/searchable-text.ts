import type { EntryContent } from '@parley/contracts'

/** What a message is found by; undefined for what nobody looks for. */
export function searchableText(content: EntryContent): string | undefined {
  const parts = partsOf(content)
  return parts?.filter((part) => part !== undefined && part !== '').join('\n')
}

function partsOf(content: EntryContent): (string | undefined)[] | undefined {
  switch (content.type) {
    case 'text':
      return [content.text]
    case 'stream':
      return content.state === 'open' ? undefined : [content.text]
    case 'image':
    case 'file':
    case 'video':
      return [content.caption, content.attachment?.name]
    case 'location':
      return [content.name, content.address]
    case 'contact':
      return [content.name, content.organization]
    case 'poll':
      return [content.question, ...content.options]
    case 'merged-forward':
      return [content.title, ...content.items.map((item) => searchableText(item.content))]
    case 'custom':
      return [content.summary]
    default:
      return undefined
  }
}
