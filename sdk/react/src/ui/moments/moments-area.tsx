import { useEffect, useRef, useState } from 'react'
import { useParley } from '../../parley-context.ts'
import type { InteractionsModel } from '../../social/use-interactions.ts'
import { useMoments } from '../../social/use-moments.ts'
import { AreaMain } from '../areas/place.tsx'
import { MomentsIcon } from '../parts/area-icons.tsx'
import { IconButton } from '../parts/icon-button.tsx'
import { ArrowUpIcon, BellIcon, ComposeIcon, PersonIcon } from '../parts/icons.tsx'
import { EmptyNotice } from '../parts/state-notice.tsx'
import { useWords } from '../parts/ui-context.tsx'
import { AuthorMoments } from './author-moments.tsx'
import { InteractionsPanel } from './interactions-panel.tsx'
import { MomentComposer } from './moment-composer.tsx'
import { MomentDialog } from './moment-dialog.tsx'
import { MomentFeed } from './moment-feed.tsx'

/** The timeline, what others did with the user's moments, and the way to a new one. */
export function MomentsArea({ interactions }: { interactions: InteractionsModel }) {
  const { userId } = useParley()
  const words = useWords()
  const model = useMoments()
  const [composing, setComposing] = useState(false)
  const [notices, setNotices] = useState(false)
  const [own, setOwn] = useState(false)
  const [opened, setOpened] = useState<string>()
  const top = useRef<HTMLDivElement>(null)
  const { unread } = interactions
  const { fresh, refresh } = model
  // At the top of the timeline nothing is pushed away by what is new.
  useEffect(() => {
    if (fresh > 0 && (top.current?.scrollTop ?? 0) < 8) void refresh()
  }, [fresh, refresh])
  return (
    <AreaMain shown={false} className="parley-moments">
      <div className="parley-pane">
        <section className="parley-pane-main" aria-label={words.moment.timeline}>
          <header className="parley-pane-head">
            <div className="parley-pane-title">
              <h2>{words.moment.timeline}</h2>
            </div>
            <IconButton label={words.moment.own} onClick={() => setOwn(true)}>
              <PersonIcon />
            </IconButton>
            <IconButton
              label={
                unread > 0 ? `${words.moment.notices}, ${words.unreadLabel(unread)}` : words.moment.notices
              }
              className="parley-bell"
              pressed={notices}
              onClick={() => setNotices(!notices)}
            >
              <BellIcon />
              {unread > 0 && <span className="parley-dot" />}
            </IconButton>
            <button
              type="button"
              className="parley-button parley-primary parley-compose"
              onClick={() => setComposing(true)}
            >
              <ComposeIcon size={17} />
              <span>{words.moment.compose}</span>
            </button>
          </header>
          <div ref={top} className="parley-feed">
            {fresh > 0 && (
              <button
                type="button"
                className="parley-fresh"
                onClick={() => {
                  void refresh()
                  top.current?.scrollTo({ top: 0 })
                }}
              >
                <ArrowUpIcon size={15} />
                {words.moment.fresh(fresh)}
              </button>
            )}
            <MomentFeed
              model={model}
              empty={
                <EmptyNotice
                  icon={<MomentsIcon size={28} />}
                  title={words.moment.none}
                  text={words.moment.noneText}
                >
                  <button
                    type="button"
                    className="parley-button parley-primary"
                    onClick={() => setComposing(true)}
                  >
                    {words.moment.compose}
                  </button>
                </EmptyNotice>
              }
            />
          </div>
        </section>
        {notices && (
          <InteractionsPanel model={interactions} onOpen={setOpened} onClose={() => setNotices(false)} />
        )}
      </div>
      {composing && <MomentComposer onCreate={model.create} onClose={() => setComposing(false)} />}
      {opened !== undefined && <MomentDialog momentId={opened} onClose={() => setOpened(undefined)} />}
      {own && <AuthorMoments authorId={userId} onClose={() => setOwn(false)} />}
    </AreaMain>
  )
}
