import { changesConversation, type EntryContent, type Message } from '@parley/contracts'
import { type PublicEvent, publicEventId, type WebhookSource } from '@parley/core/webhooks'
import { contentDecorator } from '../message/attachments.ts'
import { toMessage } from '../message/entry-row.ts'
import { readRange } from '../message/history.ts'
import type { AttachmentSource } from '../ports.ts'

/**
 * What customers hear of `conversation.appended`: one event an entry, read from the log, in its order. A message that
 * was edited or recalled before it was read shows what it is now, as it does in history; the change follows.
 */
export function conversationWebhookSource(attachments: AttachmentSource): WebhookSource {
  const decorate = contentDecorator(attachments)
  return async (project, event) => {
    if (event.type !== 'conversation.appended') return []
    const { conversationId, fromSeq, toSeq } = event.data
    const rows = await readRange(
      project,
      conversationId,
      { afterSeq: fromSeq - 1, beforeSeq: toSeq + 1, limit: toSeq - fromSeq + 1 },
      true,
    )
    return rows.map((row) => toPublicEvent(project.projectId, toMessage(row, decorate)))
  }
}

function toPublicEvent(projectId: string, entry: Message): PublicEvent {
  const type = eventTypeOf(entry.content)
  return {
    id: publicEventId(projectId, entry.conversationId, entry.seq),
    type,
    subject:
      type === 'conversation.changed' ? `conversation/${entry.conversationId}` : `message/${targetOf(entry)}`,
    time: new Date(entry.createdAt),
    data: entry,
  }
}

function eventTypeOf(content: EntryContent): PublicEvent['type'] {
  switch (content.type) {
    case 'edit':
      return 'message.edited'
    case 'recall':
      return 'message.recalled'
    case 'annotated':
    case 'expire':
      return 'message.changed'
    default:
      return changesConversation(content) ? 'conversation.changed' : 'message.created'
  }
}

/** The message that the entry is, or that it changes. */
function targetOf({ id, content }: Message): string {
  return 'targetId' in content ? content.targetId : id
}
