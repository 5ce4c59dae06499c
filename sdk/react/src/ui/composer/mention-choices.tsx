import { groupOf } from '@parley/client'
import { useEffect, useMemo, useState } from 'react'
import type { MentionTarget } from '../../chat/mentions.ts'
import { usePane } from '../pane-context.ts'
import { Avatar } from '../parts/avatar.tsx'
import { GroupIcon } from '../parts/icons.tsx'
import { useWords } from '../parts/ui-context.tsx'

const most = 8

/** Whom what was written after the `@` may mean; members are asked for with the first. */
export function useMentionChoices(query: string | undefined): readonly MentionTarget[] {
  const { conversation, isGroup, userId, nameOf } = usePane()
  const words = useWords()
  const [memberIds, setMemberIds] = useState<readonly string[]>()
  const wanted = query !== undefined && isGroup && conversation.view !== undefined
  useEffect(() => {
    if (!wanted || memberIds) return
    groupOf(conversation)
      .members({ limit: 200 })
      .then(
        ({ items }) => setMemberIds(items.map((member) => member.userId)),
        () => undefined, // Asked again with the next mention.
      )
  }, [conversation, wanted, memberIds])
  return useMemo(() => {
    if (query === undefined || !wanted) return []
    const looked = query.toLowerCase()
    const people = (memberIds ?? [])
      .filter((id) => id !== userId)
      .map((id): MentionTarget => ({ kind: 'user', userId: id, name: nameOf(id) }))
    const all: MentionTarget[] = [
      { kind: 'all', name: words.everyone },
      { kind: 'online', name: words.everyoneOnline },
    ]
    return [...people, ...all].filter(({ name }) => name.toLowerCase().startsWith(looked)).slice(0, most)
  }, [query, wanted, memberIds, userId, nameOf, words])
}

export function MentionChoice({ target }: { target: MentionTarget }) {
  return (
    <>
      {target.kind === 'user' ? (
        <Avatar id={target.userId} name={target.name} size={24} />
      ) : (
        <GroupIcon size={20} />
      )}
      {target.name}
    </>
  )
}
