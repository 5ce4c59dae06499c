import { Avatar } from './avatar.tsx'
import { useWords } from './ui-context.tsx'

/** Somebody's picture, which leads to who they are. */
export function AvatarButton(props: {
  id: string
  name: string
  size: number
  disabled?: boolean
  onClick: () => void
}) {
  const { id, name, size } = props
  const words = useWords()
  return (
    <button
      type="button"
      className="parley-plain"
      disabled={props.disabled}
      title={name}
      onClick={props.onClick}
    >
      <Avatar id={id} name={name} size={size} />
      <span className="parley-unseen">
        {words.people.profile}: {name}
      </span>
    </button>
  )
}
