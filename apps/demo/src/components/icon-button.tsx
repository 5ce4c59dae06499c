import type { ReactNode } from 'react'

export function IconButton(props: {
  label: string
  onClick: () => void
  children: ReactNode
  pressed?: boolean
  disabled?: boolean
  className?: string
}) {
  const { label, pressed, className = '' } = props
  return (
    <button
      type="button"
      className={`icon-button ${className}`}
      aria-label={label}
      title={label}
      disabled={props.disabled}
      onClick={props.onClick}
      {...(pressed !== undefined && { 'aria-pressed': pressed })}
    >
      {props.children}
    </button>
  )
}
