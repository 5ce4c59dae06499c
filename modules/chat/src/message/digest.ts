import { hash } from 'node:crypto'
import type { MessageContent } from '@parley/contracts'

/** SHA-256 over destination and content, keys sorted, so that a retry is recognised however it was serialised. */
export function messageDigest(conversationId: string, content: MessageContent): Buffer {
  return hash('sha256', `${conversationId}\n${canonicalJson(content)}`, 'buffer')
}

function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}
