import { type ReactNode, useEffect, useRef } from 'react'
import { IconButton } from './icon-button.tsx'
import { CloseIcon } from './icons.tsx'
import { useWords } from './ui-context.tsx'

/** A modal dialog of the browser: focus stays inside, Escape and a click beside it close it. */
export function Dialog(props: {
  label: string
  className?: string
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
      className={props.className ?? 'parley-dialog'}
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

/** A dialog with a title and a form. */
export function FormDialog(props: {
  title: string
  submit: string
  ready: boolean
  onSubmit: () => void
  onClose: () => void
  children: ReactNode
}) {
  const words = useWords()
  return (
    <Dialog label={props.title} onClose={props.onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          event.stopPropagation()
          if (props.ready) props.onSubmit()
        }}
      >
        <header>
          <h2>{props.title}</h2>
          <IconButton label={words.close} onClick={props.onClose}>
            <CloseIcon />
          </IconButton>
        </header>
        {props.children}
        <footer>
          <button type="button" className="parley-button" onClick={props.onClose}>
            {words.cancel}
          </button>
          <button type="submit" className="parley-button parley-primary" disabled={!props.ready}>
            {props.submit}
          </button>
        </footer>
      </form>
    </Dialog>
  )
}
