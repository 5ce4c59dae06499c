import type { Message } from '@parley/contracts'

/** Where the file of a message can be read from. */
export function addressIn(message: Message | undefined): string | undefined {
  const content = message?.content
  return content && 'attachment' in content ? content.attachment?.url : undefined
}

/** Addresses of our content origin say until when they hold; of others an expired one shows when it is used. */
export function isExpired(url: string): boolean {
  const expires = /[?&]expires=(\d+)/.exec(url)?.[1]
  return expires !== undefined && Number(expires) < Date.now()
}
