import { icon } from './icon.tsx'

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
export const BurnIcon = icon(
  <path d="M12 3.500c.5 3.500 5.500 5.500 5.500 10.500a5.500 5.500 0 0 1-11 0c0-2.500 1.500-4 2.500-5 .2 1.500 1 2.300 1.800 2.500C10.500 9 10.700 6 12 3.500z" />,
)
export const TaskIcon = icon(
  <>
    <rect x="4.500" y="4.500" width="15" height="15" rx="4" />
    <path d="m8.500 12.300 2.500 2.500 4.700-5" strokeWidth="2" />
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
export const ReplyIcon = icon(<path d="M9.500 6 4 11.500l5.500 5.500M4 11.500h9a7 7 0 0 1 7 7" />)
export const ThreadIcon = icon(
  <path d="M5 5.500h14a1.500 1.500 0 0 1 1.500 1.500v8a1.500 1.500 0 0 1-1.500 1.500h-7L7.500 20v-3.500H5A1.500 1.500 0 0 1 3.500 15V7A1.500 1.500 0 0 1 5 5.500zM8 9.500h8m-8 3h5" />,
)
export const ForwardIcon = icon(<path d="m14.500 6 5.500 5.500-5.500 5.500M20 11.500h-9a7 7 0 0 0-7 7" />)
export const PinIcon = icon(<path d="M9 4.500h6l-.8 5.500 3.300 3.500h-11L9.800 10zm3 9v6.500" />)
export const SmileIcon = icon(
  <>
    <circle cx="12" cy="12" r="8.500" />
    <path
      d="M8.500 14.200c.9 1.200 2.100 1.800 3.500 1.800s2.600-.6 3.500-1.800M9 9.500v.6m6-.6v.6"
      strokeWidth="2"
    />
  </>,
)
export const MoreIcon = icon(<path d="M5.500 12h.1m6.400 0h.1m6.400 0h.1" strokeWidth="3" />)
export const PlusIcon = icon(<path d="M12 5v14M5 12h14" strokeWidth="2" />)
export const MicrophoneIcon = icon(
  <>
    <rect x="9" y="3.500" width="6" height="11" rx="3" />
    <path d="M5.500 11.500a6.500 6.500 0 0 0 13 0M12 18v2.500" />
  </>,
)
export const PlayIcon = icon(<path d="M8 5.500v13l10.500-6.500z" fill="currentColor" />)
export const PauseIcon = icon(<path d="M8.500 6v12m7-12v12" strokeWidth="3" />)
export const PollIcon = icon(<path d="M6 19v-6m6 6V5m6 14v-9" strokeWidth="2.600" />)
export const GiftIcon = icon(
  <path d="M4.500 9h15v3.500h-15zm1.500 3.500h12v7H6zM12 9v10.500M12 9C9 9 7.500 8 7.500 6.300S9.800 4 12 9zm0 0c3 0 4.500-1 4.500-2.700S14.200 4 12 9z" />,
)
export const PlaceIcon = icon(
  <>
    <path d="M12 20.500c4.300-4.300 6.500-7.700 6.500-10.300a6.500 6.500 0 0 0-13 0c0 2.600 2.200 6 6.500 10.300z" />
    <circle cx="12" cy="10" r="2.300" />
  </>,
)
export const ContactIcon = icon(
  <>
    <rect x="4" y="5" width="16" height="14" rx="2.500" />
    <circle cx="9.500" cy="10.500" r="1.900" />
    <path d="M6.500 15.500c.4-1.700 1.500-2.500 3-2.500s2.600.8 3 2.500M14.500 10h3m-3 3.500h3" />
  </>,
)
export const BellIcon = icon(
  <path d="M6 16.500h12l-1.500-2.500v-3.500a4.500 4.500 0 0 0-9 0V14zm4 2.500a2 2 0 0 0 4 0" />,
)
export const InfoIcon = icon(
  <>
    <circle cx="12" cy="12" r="8.500" />
    <path d="M12 11v5.500m0-9v.1" strokeWidth="2.200" />
  </>,
)
export const MegaphoneIcon = icon(
  <path d="M4.500 10v4h3l8.500 4V6L7.500 10zm14.500-.500c1 1.500 1 3.500 0 5M8 14l1.200 5" />,
)
export const LinkIcon = icon(
  <path d="M10 14a4 4 0 0 0 5.700 0l3-3A4 4 0 0 0 13 5.300l-1 1M14 10a4 4 0 0 0-5.700 0l-3 3A4 4 0 0 0 11 18.700l1-1" />,
)
export const SelectIcon = icon(
  <>
    <circle cx="12" cy="12" r="8.500" />
    <path d="m8.500 12.300 2.500 2.500 4.700-5" strokeWidth="2" />
  </>,
)
export const StarIcon = icon(
  <path d="m12 4 2.500 5.200 5.500.8-4 4 1 5.600-5-2.700-5 2.700 1-5.600-4-4 5.500-.8z" />,
)
export const BlockIcon = icon(
  <>
    <circle cx="12" cy="12" r="8.500" />
    <path d="m6 6 12 12" />
  </>,
)
export const LeaveIcon = icon(<path d="M13.500 4.500h-7v15h7M10 12h10m0 0-3.500-3.500M20 12l-3.500 3.500" />)
