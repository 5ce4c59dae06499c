import { type ReactNode, useId } from 'react'

/** One of a few, side by side. */
export function Segments<Value extends string>(props: {
  label: string
  value: Value
  options: readonly { value: Value; label: string; icon?: ReactNode }[]
  onChange: (value: Value) => void
}) {
  const name = useId()
  return (
    <div className="parley-segments" role="radiogroup" aria-label={props.label}>
      {props.options.map(({ value, label, icon }) => (
        <label key={value} className="parley-segment">
          <input
            type="radio"
            name={name}
            checked={value === props.value}
            onChange={() => props.onChange(value)}
          />
          {icon}
          {label}
        </label>
      ))}
    </div>
  )
}
