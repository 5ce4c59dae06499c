import type { EntryContent, MessageContent, StoredContent } from '@parley/contracts'
import type { ProjectScope } from '@parley/core/store'
import type { AttachmentSource } from '../ports.ts'
import type { ContentDecorator } from './entry-row.ts'

/** Content as it is stored: files carry name, type and size, so that a reader needs no second look-up. */
export async function withAttachment(
  source: AttachmentSource,
  project: ProjectScope,
  content: MessageContent,
): Promise<StoredContent> {
  if (content.type !== 'image' && content.type !== 'file') return content
  const facts = await source.describe(project, [content.objectId], { requireStored: true })
  const attachment = facts.get(content.objectId)
  return attachment === undefined ? content : { ...content, attachment }
}

/** Adds the signed address of the file, which is never stored because it expires. */
export function contentDecorator(source: AttachmentSource): ContentDecorator {
  return (projectId, content) => {
    if (content.type === 'edit') return { ...content, content: sign(source, projectId, content.content) }
    return sign(source, projectId, content)
  }
}

function sign<Content extends EntryContent>(
  source: AttachmentSource,
  projectId: string,
  content: Content,
): Content {
  if ((content.type !== 'image' && content.type !== 'file') || content.attachment === undefined)
    return content
  const url = source.signUrl(projectId, content.objectId, content.attachment.name)
  return { ...content, attachment: { ...content.attachment, url } }
}
