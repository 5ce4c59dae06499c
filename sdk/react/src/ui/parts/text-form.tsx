import { type ReactNode, useState } from 'react'
import { Field } from '../composer/forms.tsx'
import { FormDialog } from './dialog.tsx'
import { useWords } from './ui-context.tsx'

/** Asks for one text. */
export function TextForm(props: {
  title: string
  label: string
  initial: string
  placeholder?: string
  mayBeEmpty?: boolean
  onSubmit: (text: string) => void
  onClose: () => void
}) {
  const words = useWords()
  const [text, setText] = useState(props.initial)
  return (
    <FormDialog
      title={props.title}
      submit={words.save}
      ready={props.mayBeEmpty === true || text.trim() !== ''}
      onClose={props.onClose}
      onSubmit={() => {
        props.onSubmit(text.trim())
        props.onClose()
      }}
    >
      <Field
        label={props.label}
        value={text}
        onChange={setText}
        {...(props.placeholder !== undefined && { placeholder: props.placeholder })}
      />
    </FormDialog>
  )
}

/** A button that asks for a text and does something with it. */
export function TextFormButton(props: {
  icon: ReactNode
  label: string
  field: string
  initial?: string | undefined
  placeholder?: string
  mayBeEmpty?: boolean
  onSubmit: (text: string) => void
}) {
  const { icon, label, field, initial = '', ...rest } = props
  const [open, setOpen] = useState(false)
  return (
    <>
      <button type="button" className="parley-link-button" onClick={() => setOpen(true)}>
        {icon}
        {label}
      </button>
      {open && (
        <TextForm title={label} label={field} initial={initial} {...rest} onClose={() => setOpen(false)} />
      )}
    </>
  )
}
