import type { ConversationBan } from '@parley/client'
import { useCallback, useEffect, useState } from 'react'
import type { GroupModel } from '../../../chat/use-group.ts'
import { usePane } from '../../pane-context.ts'
import { Avatar } from '../../parts/avatar.tsx'
import { useErrorToast } from '../../parts/toasts.tsx'
import { useWords } from '../../parts/ui-context.tsx'

/** Who is kept out, and the way to let them come again. */
export function Bans({ model: { group, members } }: { model: GroupModel }) {
  const { nameOf } = usePane()
  const words = useWords()
  const onFailed = useErrorToast()
  const [bans, setBans] = useState<readonly ConversationBan[]>([])
  const refresh = useCallback(() => {
    group.bans({ limit: 100 }).then(
      ({ items }) => setBans(items),
      () => undefined, // Who may not see them sees none.
    )
  }, [group])
  // biome-ignore lint/correctness/useExhaustiveDependencies: whoever is banned is no member any more.
  useEffect(refresh, [refresh, members])
  if (bans.length === 0) return null
  return (
    <section>
      <h3>{words.banned}</h3>
      <ul className="parley-people" aria-label={words.banned}>
        {bans.map(({ userId, reason }) => (
          <li key={userId}>
            <Avatar id={userId} name={nameOf(userId)} size={32} />
            <span>
              {nameOf(userId)}
              {reason && <small dir="auto"> {reason}</small>}
            </span>
            <button
              type="button"
              className="parley-link-button"
              onClick={() => void group.unban(userId).catch(onFailed).finally(refresh)}
            >
              {words.unban}
            </button>
          </li>
        ))}
      </ul>
    </section>
  )
}
