import type { ChatMessage, Conversation, EntryContent } from '@parley/client'
import { listEdits } from '@parley/client'
import { useEffect, useState } from 'react'

export interface MessageVersion {
  /** From 1; the last is how the message stands now. */
  number: number
  content: EntryContent
  /** Since when it said so, RFC 3339. */
  since: string
}

/** What a message was, from the first version to how it stands; undefined until the server has answered. */
export function useEdits(
  conversation: Conversation,
  message: ChatMessage,
): readonly MessageVersion[] | undefined {
  const [versions, setVersions] = useState<readonly MessageVersion[]>()
  const { id, content, createdAt, editedAt } = message
  useEffect(() => {
    if (id === undefined) return
    let wanted = true
    const ask = async () => {
      const earlier: Awaited<ReturnType<typeof listEdits>>['items'] = []
      for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
        const page = await listEdits(conversation, id, {
          limit: 100,
          ...(cursor !== undefined && { cursor }),
        })
        earlier.push(...page.items)
        cursor = page.nextCursor
      }
      const contents = [...earlier.map((version) => version.content), content]
      const since = [createdAt, ...earlier.map(({ replacedAt }) => replacedAt)]
      const found = contents.map((each, index) => ({
        number: index + 1,
        content: each,
        since: since[index] ?? editedAt ?? createdAt,
      }))
      if (wanted) setVersions(found)
    }
    ask().catch(() => undefined) // Asked again with the next change of the message.
    return () => {
      wanted = false
    }
  }, [conversation, id, content, createdAt, editedAt])
  return versions
}
