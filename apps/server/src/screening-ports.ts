import type { ChatPorts } from '@parley/chat'
import { AppError } from '@parley/contracts'
import type { ProfileGate } from '@parley/identity'
import type { ContentPart, Screening, ScreeningService } from '@parley/moderation'

type Screens = Pick<ScreeningService, 'screen'>

/** Growing texts go through the screening piece by piece, each with the end of what stands before it. */
export function streamGate(screening: Screens): NonNullable<ChatPorts['streamGate']> {
  return async ({ projectId, conversationId, messageId, userId, before, piece }) => {
    const screened = await screening.screen({
      ...{ projectId, conversationId, messageId, userId },
      source: 'stream-text',
      parts: [{ kind: 'text', text: before + piece }],
    })
    const [text = ''] = textsOf(accepted(screened))
    // What was told cannot be changed any more, so a replacement has to leave everything in its place.
    if (text.length !== before.length + piece.length) throw new AppError('content-rejected')
    return text.slice(before.length)
  }
}

/** What users say of themselves goes through the screening that messages go through. */
export function profileGate(screening: Screens): ProfileGate {
  return async (projectId, userId, { name, avatarUrl }) => {
    const parts: ContentPart[] = []
    if (name !== undefined) parts.push({ kind: 'text', text: name })
    if (avatarUrl !== undefined) parts.push({ kind: 'image', url: avatarUrl })
    if (parts.length === 0) return {}
    const target = { type: 'user', id: userId } as const
    const stored = accepted(await screening.screen({ projectId, userId, source: 'profile', target, parts }))
    const [text] = textsOf(stored)
    return { ...(text !== undefined && { name: text }), ...(avatarUrl !== undefined && { avatarUrl }) }
  }
}

function accepted({ verdict, reasons, parts }: Screening): ContentPart[] {
  if (verdict === 'pass' || verdict === 'replace') return parts
  if (reasons[0] === 'muted') throw new AppError('muted')
  if (reasons[0] === 'banned') throw new AppError('banned')
  throw new AppError(verdict === 'review' ? 'content-under-review' : 'content-rejected')
}

const textsOf = (parts: readonly ContentPart[]): string[] =>
  parts.flatMap((part) => (part.kind === 'text' ? [part.text] : []))
