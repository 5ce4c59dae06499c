import { useEffect } from 'react'
import type { NoticesModel } from '../../chat/use-notices.ts'
import { clock, day } from '../parts/format.ts'
import { RichText } from '../parts/rich-text.tsx'
import { useLocale, useWords } from '../parts/ui-context.tsx'
import { Panel } from './panel.tsx'

/** What the operator tells the user; open, it counts as read. */
export function NoticesPanel({ model, onClose }: { model: NoticesModel; onClose: () => void }) {
  const words = useWords()
  const locale = useLocale()
  const { notices, unread, markRead } = model
  useEffect(() => {
    if (unread > 0) markRead()
  }, [unread, markRead])
  return (
    <Panel title={words.notices} onClose={onClose}>
      <ul className="parley-notices">
        {notices.length === 0 && <li className="parley-hint">{words.noNotices}</li>}
        {notices.map(({ id, content, createdAt }) => (
          <li key={id}>
            {content.title && <strong>{content.title}</strong>}
            <RichText text={content.text} />
            <time dateTime={createdAt}>
              {day(createdAt, locale, words)} {clock(createdAt, locale)}
            </time>
          </li>
        ))}
      </ul>
    </Panel>
  )
}
