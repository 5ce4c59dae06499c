import type { FrameAnswers } from '@parley/contracts'
import type { Chat } from './chat.ts'

/**
 * Notices after a number, oldest first, with how many are unread. An application keeps the last number it has and reads
 * on from there after each connection; between, the chat tells of new ones by its event `notice`.
 */
export function listNotices(
  chat: Chat,
  range: { afterNo?: number; limit?: number } = {},
): Promise<FrameAnswers['notice.list']> {
  return chat.request('notice.list', range, { resend: true })
}

/** Everything up to the number is read, on all devices of the user. */
export function readNotices(chat: Chat, no: number): Promise<FrameAnswers['notice.read']> {
  return chat.request('notice.read', { no }, { resend: true })
}
