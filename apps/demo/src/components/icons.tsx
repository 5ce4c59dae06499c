import { icon } from '@parley/react/ui'

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
