import { AppError, type MessageContent, messageContent } from '@parley/contracts'
import type { Policies } from '../audit/policies.ts'
import { ContentRejectedError, ContentUnderReviewError } from '../errors.ts'
import type { GuardedMessage } from '../ports.ts'
import { partsOf, withTexts } from './content-parts.ts'
import type { ScreeningService } from './screening-service.ts'

/**
 * Screens a message before it is stored, edits and forwards too. It has the shape of the port that chat declares:
 * the content to store, or `muted`, `banned`, `content-rejected`, `content-under-review`; then nothing is stored and
 * nobody hears of it.
 */
export function screeningGuard(
  screening: ScreeningService,
  policies: Policies,
): { check(message: GuardedMessage): Promise<MessageContent> } {
  return {
    check: async ({ projectId, conversationId, conversationType, senderId, content }) => {
      const outcome = await screening.screen({
        ...{ projectId, conversationId, conversationType },
        source: 'message',
        userId: senderId,
        parts: partsOf(content),
      })
      switch (outcome.verdict) {
        case 'pass':
          return content
        case 'replace':
          return changed(content, outcome.parts)
        case 'reject':
          if (outcome.reasons[0] === 'muted') throw new AppError('muted')
          if (outcome.reasons[0] === 'banned') throw new AppError('banned')
          throw new ContentRejectedError()
        case 'review': {
          const { settings } = await policies.get(projectId)
          if (settings.onReview === 'hold') throw new ContentUnderReviewError()
          return changed(content, outcome.parts)
        }
      }
    },
  }
}

/** A replacement that no longer fits the limits of a message is none. */
function changed(content: MessageContent, parts: Parameters<typeof withTexts>[1]): MessageContent {
  const fitting = messageContent.safeParse(withTexts(content, parts))
  if (!fitting.success) throw new ContentRejectedError()
  return fitting.data
}
