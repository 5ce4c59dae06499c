import { Parley, ParleyError } from '@parley/client'
import { useEffect, useState } from 'react'

export type Session =
  | { status: 'opening' }
  | { status: 'open'; parley: Parley }
  | { status: 'failed'; error: unknown }

declare global {
  interface Window {
    /** The clients of the page by user, to try the SDK in the console: `parley.alice.chat.conversations()`. */
    parley: Record<string, Parley>
  }
}

/** Opens the client of a user and closes it with the component. */
export function useSession(userId: string): Session {
  const [session, setSession] = useState<Session>({ status: 'opening' })
  useEffect(() => {
    let disposed = false
    const opening = Parley.open({
      url: location.origin,
      userId,
      getToken: () => askToken(userId),
      device: { name: navigator.platform || 'Browser' },
    })
    opening.then(
      (parley) => {
        if (disposed) return
        window.parley = { ...window.parley, [userId]: parley }
        setSession({ status: 'open', parley })
      },
      (error: unknown) => {
        if (!disposed) setSession({ status: 'failed', error })
      },
    )
    return () => {
      disposed = true
      opening.then(
        (parley) => parley.close(),
        () => undefined,
      )
    }
  }, [userId])
  return session
}

async function askToken(userId: string): Promise<string> {
  const response = await fetch(new URL(`demo/session?user=${encodeURIComponent(userId)}`, document.baseURI))
  if (!response.ok) {
    throw new ParleyError('token-failed', `No demo session (${response.status})`, { retryable: true })
  }
  const { token } = (await response.json()) as { token: string }
  return token
}
