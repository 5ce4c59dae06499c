import type { ReactNode } from 'react'

interface IconProps {
  size?: number
}

const icon =
  (body: ReactNode) =>
  ({ size = 20 }: IconProps) => (
    <svg
      className="icon"
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

export const SearchIcon = icon(
  <>
    <circle cx="10.5" cy="10.5" r="6" />
    <path d="m15 15 5 5" />
  </>,
)
export const ComposeIcon = icon(
  <>
    <path d="M11 5H7a3 3 0 0 0-3 3v9a3 3 0 0 0 3 3h9a3 3 0 0 0 3-3v-4" />
    <path d="m10 14 .6-3 7.800-7.800a1.700 1.700 0 0 1 2.400 2.400L13 13.400z" />
  </>,
)
export const BackIcon = icon(<path d="m14 5-7 7 7 7" />)
export const ArrowUpIcon = icon(<path d="M12 19V5m0 0-6 6m6-6 6 6" strokeWidth="2.2" />)
export const ClipIcon = icon(
  <path d="m19.500 11.500-7.700 7.700a4.500 4.500 0 0 1-6.400-6.400l8.200-8.200a3 3 0 0 1 4.300 4.300l-8.100 8.100a1.500 1.500 0 0 1-2.200-2.200l7.400-7.300" />,
)
export const CloseIcon = icon(<path d="m6 6 12 12M18 6 6 18" />)
export const CheckIcon = icon(<path d="m5 12.500 4.500 4.500L19 7.500" strokeWidth="2" />)
export const DoubleCheckIcon = icon(
  <path d="m2.500 12.500 4.500 4.500 9.500-9.500m-4 8L14 17l9-9.500" strokeWidth="2" />,
)
export const ClockIcon = icon(
  <>
    <circle cx="12" cy="12" r="8" />
    <path d="M12 7.500V12l3 2" />
  </>,
)
export const AlertIcon = icon(
  <>
    <circle cx="12" cy="12" r="8.500" />
    <path d="M12 7.500v5.500m0 3.200v.1" strokeWidth="2.200" />
  </>,
)
export const EditIcon = icon(<path d="m5 19 .8-4L16 4.800a2.260 2.260 0 0 1 3.200 3.200L9 18.200z" />)
export const RecallIcon = icon(<path d="M9 5 4.500 9.500 9 14m-4.500-4.500H14a5.500 5.500 0 0 1 0 11h-4" />)
export const CopyIcon = icon(
  <>
    <rect x="8.500" y="8.500" width="11" height="11" rx="2.500" />
    <path d="M15.500 5.500a2 2 0 0 0-2-1.500H7a3 3 0 0 0-3 3v6.500a2 2 0 0 0 1.500 2" />
  </>,
)
export const RetryIcon = icon(<path d="M19 5v4.500h-4.500M18.500 9.500A7.500 7.500 0 1 0 19.500 13" />)
export const TrashIcon = icon(<path d="M4.500 7h15M9.500 7V4.500h5V7M6.500 7l.8 12.500h9.400L17.500 7" />)
export const DownIcon = icon(<path d="m6 9.500 6 6 6-6" strokeWidth="2" />)
export const DownloadIcon = icon(<path d="M12 4v11m0 0-4.500-4.500M12 15l4.500-4.500M5 19.500h14" />)
export const FileIcon = icon(
  <path d="M13.500 3.500H8a2.500 2.500 0 0 0-2.500 2.500v12A2.500 2.500 0 0 0 8 20.500h8a2.500 2.500 0 0 0 2.500-2.500V8.500zm0 0v5h5" />,
)
export const ImageIcon = icon(
  <>
    <rect x="4" y="5" width="16" height="14" rx="3" />
    <circle cx="9" cy="10" r="1.500" />
    <path d="m4.500 17 4.500-4 3 2.500 3.500-3.500 4 4" />
  </>,
)
export const SunIcon = icon(
  <>
    <circle cx="12" cy="12" r="4" />
    <path d="M12 3v1.500m0 15V21m9-9h-1.500m-15 0H3m15.400-6.400-1.100 1.100M6.700 17.300l-1.100 1.100m12.800 0-1.100-1.100M6.700 6.700 5.600 5.600" />
  </>,
)
export const MoonIcon = icon(
  <path d="M20 14.200A8.200 8.200 0 0 1 9.800 4a8.200 8.200 0 1 0 10.200 10.200z" />,
)
export const AutoThemeIcon = icon(
  <>
    <circle cx="12" cy="12" r="8" />
    <path d="M12 4a8 8 0 0 1 0 16z" fill="currentColor" />
  </>,
)
export const WindowIcon = icon(
  <path d="M13.500 4.500h6v6m0-6-8 8M17.500 14v3a2.500 2.500 0 0 1-2.500 2.500H7A2.500 2.500 0 0 1 4.500 17V9A2.500 2.500 0 0 1 7 6.500h3" />,
)
export const BookIcon = icon(
  <path d="M12 6.500C10.500 5 8 4.500 4.500 4.700v13.500c3.500-.2 6 .3 7.500 1.800 1.500-1.500 4-2 7.500-1.800V4.700C16 4.500 13.500 5 12 6.500zm0 0V20" />,
)
export const SignalIcon = icon(
  <path d="M3 9.500a13 13 0 0 1 18 0M6.200 13a8.500 8.500 0 0 1 11.600 0m-8.300 3.400a3.700 3.700 0 0 1 5 0M12 19.500v.1" />,
)
export const NoSignalIcon = icon(
  <path d="M4 4l16 16M3 9.500a13 13 0 0 1 4.200-2.700m4-.9A13 13 0 0 1 21 9.500M6.200 13a8.500 8.500 0 0 1 3.800-2.100m3.900.1a8.500 8.500 0 0 1 3.900 2m-8.300 3.400a3.700 3.700 0 0 1 5 0M12 19.500v.1" />,
)
export const GroupIcon = icon(
  <>
    <circle cx="9" cy="9" r="3.200" />
    <path d="M3.500 18.500c.4-3.200 2.600-4.800 5.500-4.800s5.100 1.600 5.500 4.800M15.500 6.200a3.200 3.200 0 0 1 0 5.600m2 2.400c1.700.7 2.700 2.200 3 4.300" />
  </>,
)
export const PersonIcon = icon(
  <>
    <circle cx="12" cy="8.500" r="3.600" />
    <path d="M5 19.500c.5-3.800 3.200-5.600 7-5.600s6.500 1.800 7 5.600" />
  </>,
)
export const VideoIcon = icon(
  <>
    <rect x="3" y="6.500" width="12.500" height="11" rx="2.800" />
    <path d="m15.500 11 5-3v8l-5-3" />
  </>,
)

export function Logo({ size = 28 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="9" fill="var(--accent)" />
      <path
        d="M8 9.500A2.500 2.500 0 0 1 10.500 7h8A2.500 2.500 0 0 1 21 9.500v4a2.500 2.500 0 0 1-2.500 2.500H13l-3.200 2.600c-.7.600-1.800.1-1.800-.8z"
        fill="#fff"
      />
      <path
        d="M23 12.500h.5a2.500 2.500 0 0 1 2.500 2.500v8.300c0 .9-1.100 1.400-1.800.8L21 21.500h-5.500A2.500 2.500 0 0 1 13 19v-.5h6a4 4 0 0 0 4-4z"
        fill="#fff"
        opacity=".62"
      />
    </svg>
  )
}
