import { hash } from 'node:crypto'

/** SHA-256 over destination and content, keys sorted, so that a retry is recognised however it was serialised. */
export function messageDigest(conversationId: string, content: unknown, options?: object): Buffer {
  const more = options === undefined ? '' : `\n${canonicalJson(options)}`
  return hash('sha256', `${conversationId}\n${canonicalJson(content)}${more}`, 'buffer')
}

function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}
