import { icon } from '@parley/react/ui'

export const MicrophoneIcon = icon(
  <>
    <rect x="9" y="3" width="6" height="11.500" rx="3" />
    <path d="M5.500 11.500a6.500 6.500 0 0 0 13 0M12 18v3" />
  </>,
)
export const MicrophoneOffIcon = icon(
  <>
    <path d="M15 8.500V6a3 3 0 0 0-5.800-1M9 9v2.500a3 3 0 0 0 4.600 2.500M5.500 11.500a6.500 6.500 0 0 0 10.300 5.300m2.400-3a6.400 6.400 0 0 0 .3-2.300M12 18v3" />
    <path d="m4 4 16 16" />
  </>,
)
export const CameraIcon = icon(
  <>
    <rect x="3" y="6.500" width="12.500" height="11" rx="2.800" />
    <path d="m15.500 11 5-3v8l-5-3" />
  </>,
)
export const CameraOffIcon = icon(
  <>
    <path d="M9.500 6.500h3.200a2.800 2.800 0 0 1 2.800 2.800V11l5-3v8l-3-1.800M15 16.300a2.800 2.800 0 0 1-2.300 1.200H5.800A2.800 2.800 0 0 1 3 14.700V9.300a2.800 2.800 0 0 1 2.800-2.800" />
    <path d="m4 4 16 16" />
  </>,
)
export const ScreenIcon = icon(
  <>
    <rect x="3" y="4.500" width="18" height="12.500" rx="2.500" />
    <path d="M8.500 20.500h7M12 14V8m0 0-2.500 2.500M12 8l2.500 2.500" />
  </>,
)
export const ScreenOffIcon = icon(
  <>
    <rect x="3" y="4.500" width="18" height="12.500" rx="2.500" />
    <path d="M8.500 20.500h7m-5.500-12 4 4m0-4-4 4" />
  </>,
)
export const HangUpIcon = icon(
  <path d="M4.500 15.500c-1.400-1.500-1.700-3-.6-4.100 4.500-4.200 11.700-4.200 16.200 0 1.100 1.100.8 2.600-.6 4.100l-3.400-1.300c-.6-.2-.9-.8-.9-1.400v-1.300a12 12 0 0 0-6.400 0v1.300c0 .6-.3 1.200-.9 1.400z" />,
)
export const PeopleIcon = icon(
  <>
    <circle cx="9" cy="9" r="3.200" />
    <path d="M3.500 18.500c.4-3.200 2.600-4.800 5.500-4.800s5.100 1.600 5.500 4.800M15.500 6.200a3.200 3.200 0 0 1 0 5.600m2 2.400c1.700.7 2.700 2.200 3 4.300" />
  </>,
)
export const ChatIcon = icon(
  <path d="M6.500 5h11A2.500 2.500 0 0 1 20 7.500v6a2.500 2.500 0 0 1-2.500 2.500H11l-4.500 3.500V16A2.500 2.500 0 0 1 4 13.500v-6A2.500 2.500 0 0 1 6.500 5z" />,
)
export const ConnectionIcon = icon(<path d="M3.500 13h3.800l2.700-7 4 12 2.700-5h3.800" />)
export const SettingsIcon = icon(
  <>
    <path d="M4 7.500h9m5 0h2M4 16.500h2m5 0h9" />
    <circle cx="15.500" cy="7.500" r="2.300" />
    <circle cx="8.500" cy="16.500" r="2.300" />
  </>,
)
export const LockIcon = icon(
  <>
    <rect x="5.500" y="10.500" width="13" height="9.500" rx="2.500" />
    <path d="M8.500 10.500V8a3.500 3.500 0 0 1 7 0v2.500" />
  </>,
)
export const SpeakerIcon = icon(
  <path d="M4 9.500v5h3.500L12 18.500v-13L7.500 9.500zM15.500 9.500a3.500 3.500 0 0 1 0 5m2.500-7.500a7 7 0 0 1 0 10" />,
)
export const RemoveIcon = icon(
  <>
    <circle cx="10" cy="8.500" r="3.400" />
    <path d="M3.500 19c.5-3.600 2.900-5.300 6.500-5.300 1.300 0 2.400.2 3.400.7M16 16l4.500 4.500m0-4.500L16 20.500" />
  </>,
)
export const NextIcon = icon(<path d="m10 5 7 7-7 7" />)

export const NoiseIcon = icon(<path d="M4 10.500v3m4-7v11m4-14v17m4-13v9m4-6v3" />)
export const BackgroundIcon = icon(
  <>
    <rect x="3" y="4.500" width="18" height="15" rx="2.500" />
    <circle cx="12" cy="10.500" r="2.500" />
    <path d="M7 19.500c.4-3 2.200-4.500 5-4.500s4.600 1.500 5 4.500" />
  </>,
)

const bars = { good: 3, fair: 2, poor: 1, lost: 0, unknown: 0 } as const

/** Three bars, filled as far as the connection carries. */
export function QualityMark({ quality, label }: { quality: keyof typeof bars; label: string }) {
  if (quality === 'unknown') return null
  return (
    <span className="quality" data-quality={quality} role="img" aria-label={label} title={label}>
      {[1, 2, 3].map((bar) => (
        <i key={bar} data-on={bar <= bars[quality] || undefined} />
      ))}
    </span>
  )
}
