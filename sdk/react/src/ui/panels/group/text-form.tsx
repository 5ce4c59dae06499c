import { useState } from 'react'
import { Field } from '../../composer/forms.tsx'
import { FormDialog } from '../../parts/dialog.tsx'
import { useWords } from '../../parts/ui-context.tsx'

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
