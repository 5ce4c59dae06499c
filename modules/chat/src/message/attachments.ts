import type { Attachment, EntryContent, MessageContent, StoredContent } from '@parley/contracts'
import type { ProjectScope } from '@parley/core/store'
import type { AttachmentSource } from '../ports.ts'
import type { ContentDecorator } from './entry-row.ts'

/** Content whose files, if it has any, carry name, type, size and what their header tells. */
export type FileContent = Exclude<MessageContent, { type: 'merged-forward' }>

/** Content as it is stored: files carry name, type, size and what their header tells, so that a reader needs no second look-up. */
export async function withAttachment(
  source: AttachmentSource,
  project: ProjectScope,
  content: FileContent,
): Promise<StoredContent> {
  const objectIds = filesOf(content)
  if (objectIds.length === 0) return content
  const facts = await source.describe(project, objectIds, { requireStored: true })
  const named = (name: 'attachment' | 'poster', objectId: string | undefined) => {
    const found = objectId === undefined ? undefined : facts.get(objectId)
    return found === undefined ? {} : { [name]: found }
  }
  switch (content.type) {
    case 'image':
    case 'file':
    case 'voice':
    case 'sticker':
      return { ...content, ...named('attachment', content.objectId) }
    case 'video':
      return {
        ...content,
        ...named('attachment', content.objectId),
        ...named('poster', content.posterObjectId),
      }
    default:
      return content
  }
}

function filesOf(content: FileContent): string[] {
  switch (content.type) {
    case 'image':
    case 'file':
    case 'voice':
      return [content.objectId]
    case 'sticker':
      return content.objectId === undefined ? [] : [content.objectId]
    case 'video':
      return [content.objectId, ...(content.posterObjectId === undefined ? [] : [content.posterObjectId])]
    default:
      return []
  }
}

/** Adds the signed addresses of files, which are never stored because they expire. */
export function contentDecorator(source: AttachmentSource): ContentDecorator {
  return (projectId, content) => {
    if (content.type === 'edit') return { ...content, content: sign(source, projectId, content.content) }
    if (content.type === 'annotated' && content.content !== undefined)
      return { ...content, content: sign(source, projectId, content.content) }
    if (content.type === 'merged-forward') {
      const items = content.items.map((item) => ({
        ...item,
        content: sign(source, projectId, item.content),
      }))
      return { ...content, items }
    }
    return sign(source, projectId, content)
  }
}

function sign<Content extends EntryContent>(
  source: AttachmentSource,
  projectId: string,
  content: Content,
): Content {
  const signed = (objectId: string, attachment: Attachment): Attachment => {
    const url = source.signUrl(projectId, objectId, attachment.name)
    const thumbnailUrl = source.signThumbnailUrl?.(projectId, objectId, attachment)
    return { ...attachment, url, ...(thumbnailUrl !== undefined && { thumbnailUrl }) }
  }
  switch (content.type) {
    case 'image':
    case 'file':
    case 'voice':
    case 'sticker': {
      const { objectId, attachment } = content
      if (objectId === undefined || attachment === undefined) return content
      return { ...content, attachment: signed(objectId, attachment) }
    }
    case 'video': {
      const { objectId, posterObjectId, attachment, poster } = content
      return {
        ...content,
        ...(attachment && { attachment: signed(objectId, attachment) }),
        ...(poster && posterObjectId && { poster: signed(posterObjectId, poster) }),
      }
    }
    default:
      return content
  }
}
