import type { SendOptions } from '@parley/client'
import { useState } from 'react'
import { FormDialog } from '../parts/dialog.tsx'
import { useWords } from '../parts/ui-context.tsx'
import { Check } from './forms.tsx'

export type Lifetime = Pick<SendOptions, 'expiresAfterMs' | 'burnAfterReadMs'>

const choices = [10_000, 60_000, 3_600_000, 86_400_000, 7 * 86_400_000]

/** How long a message lives: the next one, or all that are sent here from now on. */
export function LifetimeForm(props: {
  initial: Lifetime
  /** The user may decide for the whole conversation. */
  mayDecide: boolean
  onChoose: (lifetime: Lifetime, forAll: boolean) => void
  onClose: () => void
}) {
  const words = useWords()
  const [lifetime, setLifetime] = useState(props.initial)
  const [forAll, setForAll] = useState(false)
  return (
    <FormDialog
      title={words.lifetime}
      submit={words.save}
      ready
      onClose={props.onClose}
      onSubmit={() => {
        props.onChoose(lifetime, forAll)
        props.onClose()
      }}
    >
      {(['burnAfterReadMs', 'expiresAfterMs'] as const).map((name) => (
        <label key={name} className="parley-field">
          <span>{words.lifetimes[name]}</span>
          <select
            value={lifetime[name] ?? 0}
            onChange={({ target }) => {
              const { [name]: _, ...others } = lifetime
              setLifetime(target.value === '0' ? others : { ...others, [name]: Number(target.value) })
            }}
          >
            <option value={0}>{words.never}</option>
            {choices.map((ms) => (
              <option key={ms} value={ms}>
                {words.span(ms)}
              </option>
            ))}
          </select>
        </label>
      ))}
      {props.mayDecide && <Check label={words.lifetimeForAll} checked={forAll} onChange={setForAll} />}
    </FormDialog>
  )
}
