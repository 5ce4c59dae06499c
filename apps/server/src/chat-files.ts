import type { ChatPorts } from '@parley/chat'
import type { Platform } from '@parley/core/platform'
import type { Social } from '@parley/social'

/** Files for chat. What it lets go of stays as long as a moment of the owner shows it. */
export function chatFiles(
  objects: Platform['objects'],
  { filesInMoments }: Pick<Social, 'filesInMoments'>,
): ChatPorts['attachments'] {
  return {
    describe: (project, objectIds, options) => objects.describe(project, objectIds, options),
    signUrl: (projectId, objectId, name) => objects.signUrl(projectId, objectId, name),
    signThumbnailUrl: objects.signThumbnailUrl.bind(objects),
    releaseUnused: async (tx, projectId, userId, objectIds) => {
      const shown = await filesInMoments(tx, projectId, userId, objectIds)
      const unused = objectIds.filter((id) => !shown.has(id))
      if (unused.length > 0) await objects.releaseOf(tx, projectId, userId, unused)
    },
  }
}
