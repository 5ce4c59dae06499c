import { type ReactNode, useEffect, useRef } from 'react'
import type { MomentsModel } from '../../social/use-moments.ts'
import { FailedNotice, LoadingRows } from '../parts/state-notice.tsx'
import { useErrorToast } from '../parts/toasts.tsx'
import { useWords } from '../parts/ui-context.tsx'
import { MomentCard } from './moment-card.tsx'

/** Moments one below the other; older ones come when the end is near. What is out of sight is not drawn. */
export function MomentFeed(props: { model: MomentsModel; empty: ReactNode }) {
  const { model } = props
  const words = useWords()
  const onFailed = useErrorToast()
  const end = useRef<HTMLDivElement>(null)
  const { hasMore, loadMore } = model
  useEffect(() => {
    const element = end.current
    if (!element || !hasMore) return
    const watching = new IntersectionObserver(
      ([entry]) => {
        if (entry?.isIntersecting) loadMore().catch(onFailed)
      },
      { rootMargin: '600px' },
    )
    watching.observe(element)
    return () => watching.disconnect()
  }, [hasMore, loadMore, onFailed])
  if (model.status === 'loading') return <LoadingRows count={3} />
  if (model.status === 'failed') return <FailedNotice onRetry={() => void model.refresh()} />
  if (model.items.length === 0) return props.empty
  return (
    <>
      <ol className="parley-moment-list">
        {model.items.map((moment) => (
          <li key={moment.id}>
            <MomentCard
              moment={moment}
              onLike={() => void model.toggleLike(moment).catch(onFailed)}
              onRemove={() => void model.remove(moment.id).catch(onFailed)}
              onCommented={() => void model.reread(moment.id)}
            />
          </li>
        ))}
      </ol>
      <div ref={end}>
        {hasMore && (
          <div className="parley-older" role="status">
            <span className="parley-spinner" aria-hidden="true" />
            {words.loading}
          </div>
        )}
      </div>
    </>
  )
}
