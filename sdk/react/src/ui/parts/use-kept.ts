import { useCallback, useState } from 'react'

/** A text that a reload comes back to, kept in the browser; empty when there is none. */
export function useKept(key: string): [string, (value: string) => void] {
  const [value, setValue] = useState(() => read(key) ?? '')
  const keep = useCallback(
    (next: string) => {
      setValue(next)
      write(key, next)
    },
    [key],
  )
  return [value, keep]
}

export function read(key: string): string | null {
  try {
    return localStorage.getItem(key)
  } catch {
    return null // Private windows may refuse; then a reload begins anew.
  }
}

export function write(key: string, value: string): void {
  try {
    if (value === '') localStorage.removeItem(key)
    else localStorage.setItem(key, value)
  } catch {
    // As above.
  }
}
