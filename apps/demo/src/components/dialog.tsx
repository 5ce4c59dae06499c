import { type ReactNode, useEffect, useRef } from 'react'

/** A modal dialog of the browser: focus stays inside, Escape and a click beside it close it. */
export function Dialog(props: {
  label: string
  className: string
  onClose: () => void
  children: ReactNode
}) {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    dialog.current?.showModal()
  }, [])
  return (
    <dialog
      ref={dialog}
      className={props.className}
      aria-label={props.label}
      onClose={props.onClose}
      onClick={(event) => {
        if (event.target === dialog.current) props.onClose()
      }}
    >
      {props.children}
    </dialog>
  )
}
