import type { EntryContent, MessageContent } from '@parley/contracts'
import type { ContentPart } from './subject.ts'

type Path = readonly (string | number)[]

/** A text of a message with the place it stands at. */
interface TextPlace {
  path: Path
  text: string
}

const textFields: Partial<Record<string, readonly string[]>> = {
  text: ['text'],
  image: ['caption'],
  file: ['caption'],
  video: ['caption'],
  location: ['name', 'address'],
  contact: ['name', 'organization'],
  'merged-forward': ['title'],
  poll: ['question'],
  packet: ['greeting'],
  custom: ['summary'],
}

const fileKinds = { image: 'image', file: 'file', voice: 'audio', video: 'video', sticker: 'image' } as const

/** Everything of a message that people read, see or hear; the data of custom messages is the customer's own. */
export function partsOf(content: MessageContent | EntryContent): ContentPart[] {
  const texts = textsOf(content).map(({ text }): ContentPart => ({ kind: 'text', text }))
  return [...texts, ...filesOf(content)]
}

/** The message with its texts replaced, in the order of `partsOf`. */
export function withTexts(content: MessageContent, parts: readonly ContentPart[]): MessageContent {
  const copy = structuredClone(content)
  for (const [index, { path }] of textsOf(content).entries()) {
    const part = parts[index]
    if (part?.kind === 'text') put(copy, path, part.text)
  }
  return copy
}

function textsOf(content: MessageContent | EntryContent): TextPlace[] {
  const fields = textFields[content.type] ?? []
  const places: TextPlace[] = []
  for (const field of fields) {
    const text: unknown = Reflect.get(content, field)
    if (typeof text === 'string' && text !== '') places.push({ path: [field], text })
  }
  if (content.type === 'poll') {
    for (const [index, text] of content.options.entries()) places.push({ path: ['options', index], text })
  }
  return places
}

function filesOf(content: MessageContent | EntryContent): ContentPart[] {
  switch (content.type) {
    case 'image':
    case 'file':
    case 'voice':
      return [{ kind: fileKinds[content.type], objectId: content.objectId }]
    case 'video':
      return [
        { kind: 'video', objectId: content.objectId },
        ...(content.posterObjectId === undefined
          ? []
          : [{ kind: 'image' as const, objectId: content.posterObjectId }]),
      ]
    case 'sticker':
      return content.objectId === undefined ? [] : [{ kind: 'image', objectId: content.objectId }]
    default:
      return []
  }
}

function put(target: object, path: Path, value: string): void {
  let place: object = target
  for (const key of path.slice(0, -1)) place = Reflect.get(place, key) as object
  const last = path.at(-1)
  if (last !== undefined) Reflect.set(place, last, value)
}
