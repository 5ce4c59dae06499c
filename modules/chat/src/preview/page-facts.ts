import type { MessageFacts } from '@parley/contracts'

export type LinkPreview = NonNullable<MessageFacts['linkPreview']>

const maxLengths = { title: 300, description: 1_000, siteName: 100, imageUrl: 2_048 }

/** What a page says of itself: Open Graph first, then what plain HTML has. Nothing of the page is run. */
export function readPage(html: string, address: string): LinkPreview | undefined {
  const head = html.slice(0, /<body[\s>]/i.exec(html)?.index ?? html.length)
  const meta = new Map<string, string>()
  for (const [tag] of head.matchAll(/<meta\s[^>]*>/gi)) {
    const attributes = attributesOf(tag)
    const name = (attributes.get('property') ?? attributes.get('name'))?.toLowerCase()
    const content = attributes.get('content')
    if (name !== undefined && content !== undefined && !meta.has(name)) meta.set(name, content)
  }
  const titleTag = /<title[^>]*>([^<]*)<\/title/i.exec(head)?.[1]
  const title = meta.get('og:title') ?? meta.get('twitter:title') ?? decode(titleTag ?? '')
  const facts = {
    title,
    description: meta.get('og:description') ?? meta.get('description'),
    siteName: meta.get('og:site_name'),
    imageUrl: imageAddress(meta.get('og:image') ?? meta.get('twitter:image'), address),
  }
  const kept = Object.entries(facts).flatMap(([name, value]) => {
    const text = value
      ?.replaceAll(/[\s\p{Cc}]+/gu, ' ')
      .trim()
      .toWellFormed()
    return text ? [[name, text.slice(0, maxLengths[name as keyof typeof maxLengths]).toWellFormed()]] : []
  })
  if (!kept.some(([name]) => name === 'title')) return undefined
  return { url: address, ...Object.fromEntries(kept) }
}

function attributesOf(tag: string): Map<string, string> {
  const found = new Map<string, string>()
  for (const match of tag.matchAll(/([a-z:_-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))/gi)) {
    const [, name = '', double, single, bare] = match
    found.set(name.toLowerCase(), decode(double ?? single ?? bare ?? ''))
  }
  return found
}

const named: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ' }

function decode(text: string): string {
  return text.replaceAll(/&(#x[\da-f]{1,6}|#\d{1,7}|[a-z]+);/gi, (whole, entity: string) => {
    if (!entity.startsWith('#')) return named[entity.toLowerCase()] ?? whole
    const code = /^#x/i.test(entity) ? Number.parseInt(entity.slice(2), 16) : Number(entity.slice(1))
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : ''
  })
}

function imageAddress(given: string | undefined, base: string): string | undefined {
  if (given === undefined || !URL.canParse(given, base)) return undefined
  const url = new URL(given, base)
  return url.protocol === 'https:' || url.protocol === 'http:' ? url.href : undefined
}
