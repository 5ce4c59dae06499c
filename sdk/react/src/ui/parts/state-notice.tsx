import type { ReactNode } from 'react'
import { AlertIcon } from './icons.tsx'
import { useWords } from './ui-context.tsx'

/** Stands where nothing is yet: what could be here, and the way to it. */
export function EmptyNotice(props: { icon: ReactNode; title: string; text?: string; children?: ReactNode }) {
  return (
    <div className="parley-blank">
      <span className="parley-blank-mark">{props.icon}</span>
      <h2>{props.title}</h2>
      {props.text !== undefined && <p>{props.text}</p>}
      {props.children !== undefined && <div className="parley-blank-actions">{props.children}</div>}
    </div>
  )
}

/** Grey lines where rows will be. */
export function LoadingRows({ count = 4 }: { count?: number }) {
  const words = useWords()
  return (
    <div className="parley-skeleton" role="status" aria-label={words.loading}>
      {Array.from({ length: count }, (_, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the rows are alike.
        <span key={index} />
      ))}
    </div>
  )
}

/** Says what failed, and offers to try again. */
export function FailedNotice(props: { text?: string; onRetry: () => void }) {
  const words = useWords()
  return (
    <div className="parley-not-loaded" role="alert">
      <AlertIcon size={22} />
      <p>{props.text ?? words.loadFailed}</p>
      <button type="button" className="parley-button" onClick={props.onRetry}>
        {words.tryAgain}
      </button>
    </div>
  )
}
