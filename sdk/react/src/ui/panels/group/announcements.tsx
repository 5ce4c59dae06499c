import type { Announcement } from '@parley/client'
import { useEffect, useState } from 'react'
import type { GroupModel } from '../../../chat/use-group.ts'
import { usePane } from '../../pane-context.ts'
import { dateTime } from '../../parts/time-input.ts'
import { useErrorToast } from '../../parts/toasts.tsx'
import { useLocale, useWords } from '../../parts/ui-context.tsx'

/** What was announced so far, when it is asked for. */
export function EarlierAnnouncements({ model: { group, view } }: { model: GroupModel }) {
  const { nameOf } = usePane()
  const words = useWords()
  const locale = useLocale()
  const onFailed = useErrorToast()
  const [open, setOpen] = useState(false)
  const [items, setItems] = useState<readonly Announcement[]>([])
  const current = view?.announcement?.announcedAt
  // biome-ignore lint/correctness/useExhaustiveDependencies: asked again with every new one.
  useEffect(() => {
    if (!open) return
    group.announcements({ limit: 50 }).then((page) => setItems(page.items), onFailed)
  }, [open, group, current, onFailed])
  return (
    <div>
      <button
        type="button"
        className="parley-link-button"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
      >
        {words.earlierAnnouncements}
      </button>
      {open && (
        <ul className="parley-notices" aria-label={words.earlierAnnouncements}>
          {items.map(({ text, announcedAt, userId }) => (
            <li key={announcedAt}>
              <span dir="auto">{text === '' ? words.noAnnouncement : text}</span>
              <time dateTime={announcedAt}>
                {userId === undefined ? words.system : nameOf(userId)} · {dateTime(announcedAt, locale)}
              </time>
            </li>
          ))}
        </ul>
      )}
    </div>
  )
}
