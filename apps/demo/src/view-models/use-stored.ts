import { useState } from 'react'

/** State that a reload keeps. Where the page may not store, it lasts as long as the page. */
export function useStored<Value extends string>(
  key: string,
  initial: Value,
): [Value, (value: Value) => void] {
  const [value, setValue] = useState<Value>(() => (read(key) as Value | null) ?? initial)
  const change = (next: Value) => {
    setValue(next)
    write(key, next)
  }
  return [value, change]
}

export function read(key: string): string | null {
  try {
    return localStorage.getItem(key)
  } catch {
    return null
  }
}

export function write(key: string, value: string): void {
  try {
    if (value === '') localStorage.removeItem(key)
    else localStorage.setItem(key, value)
  } catch {
    // Private windows may refuse; nothing depends on it.
  }
}
