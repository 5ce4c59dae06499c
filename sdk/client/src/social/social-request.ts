import type { ClientFrameBody, FrameAnswers, SocialOperations, SocialServerEvents } from '@parley/contracts'
import type { Chat } from '../chat/chat.ts'

export type SocialFrame = keyof SocialOperations
export type Given<T extends SocialFrame> = ClientFrameBody<T>
export type Answer<T extends SocialFrame> = Promise<FrameAnswers[T]>

/** What a client hears of people and moments; `parley.on('social', ...)`. */
export type SocialEvent = {
  [T in keyof SocialServerEvents]: { type: T } & SocialServerEvents[T]
}[keyof SocialServerEvents]

/** Where the request can be sent: `parley.chat`. */
export type SocialAccess = Pick<Chat, 'request'>

/** Asked again after a lost connection: for what is the same when it is done twice. */
export function ask<T extends SocialFrame>(access: SocialAccess, type: T, given: Given<T>): Answer<T> {
  return access.request(type, given, { resend: true })
}
