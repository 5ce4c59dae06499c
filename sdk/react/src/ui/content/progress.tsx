import { useWords } from '../parts/ui-context.tsx'

const radius = 15
const round = 2 * Math.PI * radius

/** How much of a file is sent, as a ring. */
export function Progress({ share }: { share: number }) {
  const words = useWords()
  const percent = Math.round(share * 100)
  return (
    <span
      className="parley-progress"
      role="progressbar"
      aria-valuenow={percent}
      aria-label={words.uploading(percent)}
    >
      <svg viewBox="0 0 36 36" width="36" height="36" aria-hidden="true">
        <circle cx="18" cy="18" r={radius} className="parley-progress-track" />
        <circle
          cx="18"
          cy="18"
          r={radius}
          className="parley-progress-bar"
          strokeDasharray={round}
          strokeDashoffset={round * (1 - Math.max(0.04, share))}
        />
      </svg>
    </span>
  )
}
