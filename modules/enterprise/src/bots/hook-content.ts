import { cardContent, type HookPost, type MessageContent, markdownKind } from '@parley/contracts'

/** The message that a post becomes. */
export function contentOfPost(post: HookPost): MessageContent {
  if (post.type === 'card') return cardContent(post.card)
  if (post.type === 'text') return post
  const { title, text } = post
  return { type: 'custom', kind: markdownKind, data: { title, text }, summary: title }
}

/** Whether a post holds one of the words it must hold. */
export function holdsKeyword(post: HookPost, keywords: readonly string[]): boolean {
  if (keywords.length === 0) return true
  const text =
    post.type === 'card' ? JSON.stringify(post.card) : `${'title' in post ? post.title : ''}\n${post.text}`
  return keywords.some((keyword) => text.includes(keyword))
}
