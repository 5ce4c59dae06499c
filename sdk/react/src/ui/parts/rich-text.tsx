import type { NameOf } from '../../chat/use-names.ts'

const links = /\bhttps?:\/\/[^\s<>"'，。！？）】]+[^\s<>"'，。！？）】.,;:!?)\]]/g

interface Mark {
  from: number
  until: number
  kind: 'link' | 'mention' | 'own-mention' | 'found'
}

/** Text as it was written, with its links, whom it mentions, and what was looked for. */
export function RichText(props: {
  text: string
  mentions?:
    | { userIds?: string[] | undefined; all?: boolean | undefined; online?: boolean | undefined }
    | undefined
  userId?: string
  nameOf?: NameOf
  allWords?: readonly string[]
  found?: readonly string[]
}) {
  const { text } = props
  const parts: React.ReactNode[] = []
  let end = 0
  for (const { from, until, kind } of marksOf(props)) {
    if (from < end) continue
    parts.push(text.slice(end, from))
    const part = text.slice(from, until)
    parts.push(
      kind === 'link' ? (
        <a key={from} href={part} target="_blank" rel="noopener noreferrer nofollow">
          {part}
        </a>
      ) : kind === 'found' ? (
        <mark key={from}>{part}</mark>
      ) : (
        <b key={from} className="parley-mention" data-own={kind === 'own-mention' || undefined}>
          {part}
        </b>
      ),
    )
    end = until
  }
  parts.push(text.slice(end))
  return (
    <span className="parley-text" dir="auto">
      {parts}
    </span>
  )
}

function marksOf(props: Parameters<typeof RichText>[0]): Mark[] {
  const { text, mentions, userId, nameOf, allWords = [], found = [] } = props
  const marks: Mark[] = []
  for (const match of text.matchAll(links)) {
    marks.push({ from: match.index, until: match.index + match[0].length, kind: 'link' })
  }
  const mark = (what: string, kind: Mark['kind'], at = text) => {
    for (let from = at.indexOf(what); from >= 0; from = at.indexOf(what, from + what.length)) {
      marks.push({ from, until: from + what.length, kind })
    }
  }
  for (const id of mentions?.userIds ?? []) {
    mark(`@${nameOf?.(id) ?? id}`, id === userId ? 'own-mention' : 'mention')
  }
  if (mentions?.all || mentions?.online) for (const word of allWords) mark(`@${word}`, 'own-mention')
  const lower = text.toLowerCase()
  for (const word of found) if (word !== '' && lower.length === text.length) mark(word, 'found', lower)
  return marks.sort((one, other) => one.from - other.from || other.until - one.until)
}
