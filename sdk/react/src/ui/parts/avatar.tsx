import { useState } from 'react'
import { usePicture } from '../../chat/use-names.ts'
import { GroupIcon } from './icons.tsx'

const hues = [222, 268, 322, 12, 38, 152, 178, 200]

/** The picture of a user or group; without one, initials on a colour that belongs to the id. */
export function Avatar(props: {
  id: string
  name: string
  group?: boolean
  /** Of a group; those of users are known. */
  picture?: string | undefined
  online?: boolean
  size?: number
}) {
  const { id, name, group, online, size = 40 } = props
  const own = usePicture(id)
  const picture = group ? props.picture : own
  const [broken, setBroken] = useState<string>()
  // FNV-1a: short names differ in all their bits.
  let hash = 0x811c9dc5
  for (const character of id) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193) >>> 0
  const style = {
    '--parley-hue': hues[(hash >>> 2) % hues.length],
    '--parley-size': `${size}px`,
  } as React.CSSProperties
  return (
    <span className="parley-avatar" style={style} data-group={group || undefined} aria-hidden="true">
      {picture !== undefined && picture !== broken ? (
        <img
          src={picture}
          alt=""
          loading="lazy"
          referrerPolicy="no-referrer"
          onError={() => setBroken(picture)}
        />
      ) : group ? (
        <GroupIcon size={size * 0.52} />
      ) : (
        initials(name)
      )}
      {online !== undefined && <span className="parley-avatar-dot" data-online={online || undefined} />}
    </span>
  )
}

function initials(name: string): string {
  const words = name.trim().split(/\s+/)
  const [first = '?'] = words[0] ?? ''
  const [second = ''] = words.length > 1 ? (words.at(-1) ?? '') : ''
  return (first + second).toUpperCase()
}
