import { type Locale, ParleyUi, preferredLocale, type Theme } from '@parley/react/ui'
import { lazy, Suspense, useEffect, useState } from 'react'
import { Seat } from './components/seat.tsx'
import { TopBar } from './components/top-bar.tsx'
import { useStored } from './view-models/use-stored.ts'

/** Loaded when somebody meets: who only chats does not carry it. */
const Meeting = lazy(async () => ({ default: (await import('./meeting/meeting.tsx')).Meeting }))

const pair = ['alice', 'bob'] as const
const everybody = ['alice', 'bob', 'carol', 'dave']

/**
 * Two users side by side; `?user=alice` is one of them alone, `?meeting=standup&user=alice` in a meeting, `?dir=rtl`
 * from right to left.
 */
export function App(props: {
  user: string | undefined
  meeting: string | undefined
  direction: 'ltr' | 'rtl'
}) {
  const { user, meeting, direction } = props
  const [theme, setTheme] = useStored<Theme>('parley demo theme', 'auto')
  const [locale, setLocale] = useStored<Locale>('parley demo locale', preferredLocale(navigator.languages))
  const [shown, setShown] = useState<string>(pair[0])
  const [wide] = useState(() => matchMedia('(min-width: 861px)').matches)
  const isMeeting = meeting !== undefined
  const users: readonly string[] = user === undefined ? (isMeeting ? pair.slice(0, 1) : pair) : [user]
  useEffect(() => {
    document.documentElement.dataset.theme = theme
  }, [theme])
  useEffect(() => {
    document.documentElement.lang = locale
  }, [locale])
  return (
    <ParleyUi locale={locale} theme={theme} direction={direction}>
      <div className="app" data-single={user !== undefined || undefined}>
        <TopBar
          theme={theme}
          onTheme={setTheme}
          onLocale={() => setLocale(locale === 'en' ? 'zh-CN' : 'en')}
          users={users.length > 1 ? users : []}
          shown={shown}
          onShow={setShown}
          meeting={meeting}
          meetingUser={user ?? shown}
        />
        {meeting !== undefined ? (
          <main className="meeting-place">
            <Suspense>
              <Meeting userId={users[0] ?? pair[0]} roomId={meeting} />
            </Suspense>
          </main>
        ) : (
          <main className="stage">
            {users.map((id) => (
              <div key={id} className="seat" data-shown={users.length === 1 || id === shown || undefined}>
                <Seat
                  userId={id}
                  peers={peersOf(id)}
                  start={users.length > 1 && wide ? peersOf(id)[0] : undefined}
                />
              </div>
            ))}
          </main>
        )}
      </div>
    </ParleyUi>
  )
}

/** The other of the pair first: whoever opens the demo wants to write to them. */
function peersOf(id: string): string[] {
  const others = everybody.filter((other) => other !== id)
  return id === 'alice' ? others : [...others.filter((other) => other !== 'alice'), 'alice'].reverse()
}
