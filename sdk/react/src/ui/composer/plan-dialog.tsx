import { useState } from 'react'
import { FormDialog } from '../parts/dialog.tsx'
import { localInput, timeZone } from '../parts/time-input.ts'
import { useLocale, useWords } from '../parts/ui-context.tsx'
import { Field } from './forms.tsx'

const soonestMs = 1_000

/** A text and the moment at which it is to be sent, in the time zone of this device, which is named. */
export function PlanDialog(props: {
  title: string
  text: string
  at: Date
  /** Rejects where it could not be planned; the dialog stays then. */
  onPlan: (text: string, at: Date) => Promise<void>
  onClose: () => void
}) {
  const words = useWords()
  const locale = useLocale()
  const [text, setText] = useState(props.text)
  const [at, setAt] = useState(() => localInput(props.at))
  const [busy, setBusy] = useState(false)
  const time = new Date(at)
  const ready = text.trim() !== '' && time.getTime() > Date.now() + soonestMs
  const submit = async () => {
    setBusy(true)
    try {
      await props.onPlan(text.trim(), time)
      props.onClose()
    } catch {
      setBusy(false) // Told by whoever planned it.
    }
  }
  return (
    <FormDialog
      title={props.title}
      submit={words.plan}
      ready={ready && !busy}
      onClose={props.onClose}
      onSubmit={() => void submit()}
    >
      <label className="parley-field">
        <span>{words.plannedText}</span>
        <textarea
          rows={3}
          value={text}
          dir="auto"
          maxLength={20_000}
          onChange={(event) => setText(event.target.value)}
        />
      </label>
      <Field label={words.plannedAt} type="datetime-local" step={1} value={at} onChange={setAt} />
      <p className="parley-hint">{words.timeZone(timeZone(time, locale))}</p>
    </FormDialog>
  )
}
