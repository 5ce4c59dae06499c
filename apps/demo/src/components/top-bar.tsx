import { IconButton, type Theme, useLocale } from '@parley/react/ui'
import { capitalised } from '../words/capitalised.ts'
import { useWords } from '../words/words.ts'
import { AutoThemeIcon, BookIcon, Logo, MoonIcon, SunIcon, VideoIcon, WindowIcon } from './icons.tsx'

const following: Record<Theme, Theme> = { auto: 'light', light: 'dark', dark: 'auto' }

export function TopBar(props: {
  theme: Theme
  onTheme: (theme: Theme) => void
  onLocale: () => void
  users: readonly string[]
  shown: string
  onShow: (user: string) => void
  /** The meeting in view. */
  meeting: string | undefined
  /** Who enters a meeting from here. */
  meetingUser: string
}) {
  const { theme, users, shown } = props
  const words = useWords()
  const locale = useLocale()
  return (
    <header className="top-bar">
      <Logo size={26} />
      <h1>Parley</h1>
      <span className="tagline">{props.meeting ?? words.tagline}</span>
      <div className="parley-segments top-users" role="radiogroup" aria-label={words.conversations}>
        {users.map((user) => (
          <label key={user} className="parley-segment">
            <input type="radio" name="user" checked={shown === user} onChange={() => props.onShow(user)} />
            {capitalised(user)}
          </label>
        ))}
      </div>
      <div className="top-actions">
        {users.map((user) => (
          <a
            key={user}
            className="top-user wide-only"
            href={`?user=${user}`}
            target="_blank"
            rel="noopener"
            aria-label={`${words.openAlone}: ${user}`}
            title={`${words.openAlone}: ${user}`}
          >
            {capitalised(user)}
            <WindowIcon size={16} />
          </a>
        ))}
        {props.meeting === undefined && (
          <a
            className="parley-icon-button"
            href={`?meeting=standup&user=${encodeURIComponent(props.meetingUser)}`}
            aria-label={words.openMeeting}
            title={words.openMeeting}
          >
            <VideoIcon size={20} />
          </a>
        )}
        <a
          className="parley-icon-button wide-only"
          href="./docs"
          aria-label={words.reference}
          title={words.reference}
        >
          <BookIcon size={19} />
        </a>
        <IconButton
          label={`${words.theme.label}: ${words.theme[theme]}`}
          onClick={() => props.onTheme(following[theme])}
        >
          {theme === 'auto' ? (
            <AutoThemeIcon size={19} />
          ) : theme === 'light' ? (
            <SunIcon size={19} />
          ) : (
            <MoonIcon size={19} />
          )}
        </IconButton>
        <button
          type="button"
          className="parley-icon-button language"
          aria-label={`${locale === 'en' ? '中' : 'EN'}: ${words.switchLanguage}`}
          title={words.switchLanguage}
          onClick={props.onLocale}
        >
          {locale === 'en' ? '中' : 'EN'}
        </button>
      </div>
    </header>
  )
}
