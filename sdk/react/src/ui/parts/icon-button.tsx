import type { ReactNode, Ref } from 'react'

export function IconButton(props: {
  label: string
  onClick: () => void
  children: ReactNode
  pressed?: boolean
  expanded?: boolean
  disabled?: boolean
  className?: string
  tabIndex?: number
  ref?: Ref<HTMLButtonElement>
}) {
  const { label, pressed, expanded, className = '' } = props
  return (
    <button
      ref={props.ref}
      type="button"
      className={`parley-icon-button ${className}`}
      aria-label={label}
      title={label}
      disabled={props.disabled}
      onClick={props.onClick}
      {...(props.tabIndex !== undefined && { tabIndex: props.tabIndex })}
      {...(pressed !== undefined && { 'aria-pressed': pressed })}
      {...(expanded !== undefined && { 'aria-expanded': expanded, 'aria-haspopup': true })}
    >
      {props.children}
    </button>
  )
}
