import type { EntryContent, Message } from '@parley/contracts'

/** Content of an entry that changes an earlier one. */
export type MessageChange = Extract<EntryContent, { type: 'edit' | 'recall' | 'expire' | 'annotated' }>

export function changesMessage(content: EntryContent): content is MessageChange {
  return 'targetSeq' in content
}

/** A message after a change of it, for when the server did not send it along. */
export function changed(target: Message, entry: Message, change: MessageChange): Message {
  const { type } = target.content
  if (type === 'recalled' || type === 'expired' || type === 'hidden') return target
  switch (change.type) {
    case 'recall':
    case 'expire':
      return emptied(target, change.type === 'recall' ? 'recalled' : 'expired', entry.createdAt)
    case 'annotated': {
      const facts = Object.entries({ ...target, ...change.facts }).filter(([, value]) => value !== null)
      const message = Object.fromEntries(facts) as unknown as Message
      return change.content ? { ...message, content: change.content } : message
    }
    case 'edit': {
      // A message fetched after the edit shows it, or a later one, already.
      if (target.editedAt !== undefined && target.editedAt >= entry.createdAt) return target
      return {
        ...target,
        content: withAttachment(change.content, target.content),
        editedAt: entry.createdAt,
      }
    }
  }
}

/** What stays of a message that is gone: its place, and the thread it has or is in. */
export function emptied(target: Message, type: 'recalled' | 'expired' | 'hidden', at?: string): Message {
  const { id, conversationId, seq, messageNo, senderId, clientMessageId, createdAt } = target
  const { editedAt, thread, threadRootId } = target
  return {
    id,
    conversationId,
    seq,
    messageNo,
    senderId,
    ...(clientMessageId && { clientMessageId }),
    content: { type },
    createdAt,
    ...(editedAt && { editedAt }),
    ...(at && { recalledAt: at }),
    ...(thread && { thread }),
    ...(threadRootId && { threadRootId }),
  }
}

/** The message after a reaction of the user, before the server has said so. */
export function withReaction(message: Message, emoji: string, userId: string, added: boolean): Message {
  const all = message.reactions ?? []
  const known = all.find((reaction) => reaction.emoji === emoji)
  const mine = known?.userIds.includes(userId) ?? false
  if (mine === added) return message
  const others = known ? known.userIds.filter((id) => id !== userId) : []
  const next = {
    emoji,
    count: (known?.count ?? 0) + (added ? 1 : -1),
    userIds: added ? [...others, userId] : others,
  }
  const reactions = known ? all.map((reaction) => (reaction === known ? next : reaction)) : [...all, next]
  return { ...message, reactions: reactions.filter(({ count }) => count > 0) }
}

/** The root of a thread after a reply came, or was taken away. */
export function withReply(root: Message, seq: number, by: 1 | -1): Message {
  const { replyCount = 0, lastReplySeq = 0 } = root.thread ?? {}
  // A root fetched after the reply counts it already.
  if (by === 1 && seq <= lastReplySeq) return root
  const thread = { replyCount: Math.max(0, replyCount + by), lastReplySeq: Math.max(seq, lastReplySeq) }
  return { ...root, thread }
}

/** What is known about a file stays when only its caption was edited. */
function withAttachment(after: EntryContent, before: EntryContent): EntryContent {
  if (!('objectId' in after) || !('objectId' in before) || after.objectId !== before.objectId) return after
  if (!('attachment' in before) || !before.attachment) return after
  return { ...after, attachment: before.attachment } as EntryContent
}
