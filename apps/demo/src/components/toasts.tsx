import { ParleyError } from '@parley/client'
import { createContext, type ReactNode, useCallback, useContext, useRef, useState } from 'react'
import { useWords } from '../words/words.ts'

interface Toast {
  id: number
  text: string
}

const ToastContext = createContext<(text: string) => void>(() => undefined)

const shownForMs = 4_000

export function Toasts({ children }: { children: ReactNode }) {
  const [toasts, setToasts] = useState<readonly Toast[]>([])
  const count = useRef(0)
  const show = useCallback((text: string) => {
    const id = count.current++
    setToasts((present) => [...present.slice(-2), { id, text }])
    setTimeout(() => setToasts((present) => present.filter((toast) => toast.id !== id)), shownForMs)
  }, [])
  return (
    <ToastContext value={show}>
      {children}
      <div className="toasts" role="status" aria-live="polite">
        {toasts.map(({ id, text }) => (
          <div key={id} className="toast">
            {text}
          </div>
        ))}
      </div>
    </ToastContext>
  )
}

export function useToast(): (text: string) => void {
  return useContext(ToastContext)
}

/** Shows an error in the words of the reader, by its code. */
export function useErrorToast(): (error: unknown) => void {
  const show = useToast()
  const { errors } = useWords()
  return useCallback(
    (error) => {
      const code = error instanceof ParleyError ? error.code : 'other'
      show(code in errors ? errors[code as keyof typeof errors] : errors.other)
    },
    [show, errors],
  )
}
