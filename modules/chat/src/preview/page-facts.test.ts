import { expect, test } from 'vitest'
import { linkIn } from './link-previews.ts'
import { readPage } from './page-facts.ts'

test('CHAT-69: a page tells by Open Graph first, then by plain HTML', () => {
  const html = `<html><head><title>Plain</title>
    <meta content="Graph &amp; co" property="og:title"><meta name=description content='What it&#39;s about'>
    <meta property="og:image" content="/cover.png"></head><body><meta property="og:site_name" content="no"></body>`
  expect(readPage(html, 'https://example.org/a/b')).toEqual({
    url: 'https://example.org/a/b',
    title: 'Graph & co',
    description: "What it's about",
    imageUrl: 'https://example.org/cover.png',
  })
  expect(readPage('<title>Only\n this</title>', 'https://example.org/')?.title).toBe('Only this')
  expect(readPage('<p>nothing', 'https://example.org/')).toBeUndefined()
  expect(
    readPage('<title>x</title><meta property="og:image" content="javascript:alert(1)">', 'https://e.org'),
  ).toEqual({ url: 'https://e.org', title: 'x' })
})

test('CHAT-69: the first address in a text is found without what follows it', () => {
  const text = (value: string) => linkIn({ type: 'text', text: value })
  expect(text('see (https://example.org/a?b=c).')).toBe('https://example.org/a?b=c')
  expect(text('nothing here: ftp://x')).toBeUndefined()
})
