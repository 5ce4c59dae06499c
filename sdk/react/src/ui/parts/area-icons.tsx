import { icon } from './icon.tsx'

export const ChatsIcon = icon(
  <path d="M5 5.500h14a1.500 1.500 0 0 1 1.500 1.500v8.500A1.500 1.500 0 0 1 19 17h-7.500L7 20.500V17H5a1.500 1.500 0 0 1-1.500-1.500V7A1.500 1.500 0 0 1 5 5.500zM8 10h8m-8 3h5" />,
)
export const CommunitiesIcon = icon(
  <>
    <rect x="4" y="4" width="6.500" height="6.500" rx="1.800" />
    <rect x="13.500" y="4" width="6.500" height="6.500" rx="1.800" />
    <rect x="4" y="13.500" width="6.500" height="6.500" rx="1.800" />
    <circle cx="16.750" cy="16.750" r="3.250" />
  </>,
)
export const RoomsIcon = icon(
  <>
    <circle cx="12" cy="12" r="1.800" />
    <path d="M8.200 15.800a5.400 5.400 0 0 1 0-7.600m7.600 0a5.400 5.400 0 0 1 0 7.600M5.400 18.600a9.300 9.300 0 0 1 0-13.200m13.200 0a9.300 9.300 0 0 1 0 13.200" />
  </>,
)
export const ContactsIcon = icon(
  <>
    <circle cx="12" cy="8.500" r="3.700" />
    <path d="M5 20c.5-3.900 3.300-6 7-6s6.500 2.100 7 6" />
  </>,
)
export const MomentsIcon = icon(
  <>
    <circle cx="12" cy="12" r="8.300" />
    <circle cx="12" cy="12" r="3" />
    <path d="M12 3.700c2 1.800 3 3.700 3 5.300M20.300 12c-1.800 2-3.700 3-5.300 3M12 20.300c-2-1.800-3-3.700-3-5.300M3.700 12c1.800-2 3.700-3 5.300-3" />
  </>,
)
export const HashIcon = icon(<path d="M9.500 4.500 7.500 19.500m9-15-2 15M4.500 9h15.500M4 15h15.500" />)
export const LockIcon = icon(
  <>
    <rect x="5.500" y="10.500" width="13" height="9" rx="2.200" />
    <path d="M8.500 10.500V8a3.500 3.500 0 0 1 7 0v2.500" />
  </>,
)
export const HeartIcon = icon(
  <path d="M12 19.500C6.500 15.700 4 12.700 4 9.500A4.200 4.200 0 0 1 8.200 5.200c1.600 0 3 .8 3.800 2.200.8-1.400 2.200-2.200 3.800-2.200A4.200 4.200 0 0 1 20 9.500c0 3.200-2.500 6.200-8 10z" />,
)
export const HeartFullIcon = icon(
  <path
    fill="currentColor"
    d="M12 19.500C6.500 15.700 4 12.700 4 9.500A4.200 4.200 0 0 1 8.200 5.200c1.600 0 3 .8 3.800 2.200.8-1.400 2.200-2.200 3.800-2.200A4.200 4.200 0 0 1 20 9.500c0 3.200-2.500 6.200-8 10z"
  />,
)
export const CommentIcon = icon(
  <path d="M12 4.500c4.700 0 8.500 3.100 8.500 7s-3.800 7-8.500 7c-.9 0-1.800-.1-2.600-.3L5 20.500l.9-3.700c-1.500-1.300-2.400-3-2.400-5.300 0-3.900 3.800-7 8.500-7z" />,
)
export const PersonAddIcon = icon(
  <>
    <circle cx="10" cy="8.500" r="3.700" />
    <path d="M3 20c.5-3.900 3.300-6 7-6 1.700 0 3.200.4 4.400 1.300M18 13.500v7m-3.500-3.500h7" />
  </>,
)
export const SettingsIcon = icon(
  <path d="M4 7.500h9m5 0h2M4 16.500h2m5 0h9M15.500 5v5m-7 4v5" strokeWidth="2" />,
)
export const TagIcon = icon(<path d="M4.500 5v6.500l8 8 7-7-8-8H5zm4 3.500v.1" />)
export const EyeIcon = icon(
  <>
    <path d="M3 12c2.200-4 5.200-6 9-6s6.800 2 9 6c-2.200 4-5.200 6-9 6s-6.800-2-9-6z" />
    <circle cx="12" cy="12" r="2.700" />
  </>,
)
