import type { ReactNode } from 'react'

/** A line drawing in a square of 24, in the colour of the text around it; for applications that draw more of them. */
export const icon =
  (body: ReactNode) =>
  ({ size = 20 }: { size?: number }) => (
    <svg
      className="parley-icon"
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.8"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      {body}
    </svg>
  )
