import { createContext, type ReactNode, useCallback, useContext, useEffect, useRef, useState } from 'react'
import { useWords } from './ui-context.tsx'

interface Toast {
  id: number
  text: string
}

const ToastContext = createContext<(text: string) => void>(() => undefined)

const shownForMs = 4_000

export function Toasts({ children }: { children: ReactNode }) {
  const [toasts, setToasts] = useState<readonly Toast[]>([])
  const count = useRef(0)
  const timers = useRef(new Set<ReturnType<typeof setTimeout>>())
  useEffect(() => {
    const running = timers.current
    return () => {
      for (const timer of running) clearTimeout(timer)
    }
  }, [])
  const show = useCallback((text: string) => {
    const id = count.current++
    setToasts((present) => [...present.slice(-2), { id, text }])
    const timer = setTimeout(() => {
      timers.current.delete(timer)
      setToasts((present) => present.filter((toast) => toast.id !== id))
    }, shownForMs)
    timers.current.add(timer)
  }, [])
  return (
    <ToastContext value={show}>
      {children}
      <div className="parley-toasts" role="status" aria-live="polite">
        {toasts.map(({ id, text }) => (
          <div key={id} className="parley-toast">
            {text}
          </div>
        ))}
      </div>
    </ToastContext>
  )
}

/** Tells something in passing. */
export function useToast(): (text: string) => void {
  return useContext(ToastContext)
}

/** Tells of a failure in the words of the reader, by its code. */
export function useErrorToast(): (error: unknown) => void {
  const show = useToast()
  const { errors } = useWords()
  return useCallback((error) => show(errorText(error, errors)), [show, errors])
}

export function errorText(error: unknown, errors: Record<string, string>): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'other'
  return errors[code] ?? errors.other ?? code
}
