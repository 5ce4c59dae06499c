const links = /\bhttps?:\/\/[^\s<>"'，。！？）】]+[^\s<>"'，。！？）】.,;:!?)\]]/g

/** Text as it was written, with its links. */
export function RichText({ text }: { text: string }) {
  const parts: React.ReactNode[] = []
  let end = 0
  for (const match of text.matchAll(links)) {
    parts.push(text.slice(end, match.index))
    parts.push(
      <a key={match.index} href={match[0]} target="_blank" rel="noopener noreferrer nofollow">
        {match[0]}
      </a>,
    )
    end = match.index + match[0].length
  }
  parts.push(text.slice(end))
  return (
    <p className="text" dir="auto">
      {parts}
    </p>
  )
}
