import { useErrorToast } from './toasts.tsx'
import { useWords } from './ui-context.tsx'

/** Loads the next page of a list, where there is one. */
export function ShowMore({ list }: { list: { hasMore: boolean; loadMore: () => Promise<void> } }) {
  const words = useWords()
  const onFailed = useErrorToast()
  if (!list.hasMore) return null
  return (
    <button type="button" className="parley-link-button" onClick={() => void list.loadMore().catch(onFailed)}>
      {words.showMore}
    </button>
  )
}
