import { createHmac } from 'node:crypto'
import type { IceServer } from '@parley/contracts'

export interface TurnOptions {
  /** By commas. */
  urls: string | undefined
  secret: string | undefined
  ttlMs: number
}

/**
 * TURN servers with credentials that expire, as coturn's `use-auth-secret` checks them
 * (draft-uberti-behave-turn-rest-00): the user name is the end of their life in seconds and the user, the password its
 * HMAC-SHA1. Without a secret the servers are named alone.
 */
export function iceServers(
  { urls, secret, ttlMs }: TurnOptions,
  userId: string,
  nowMs = Date.now(),
): IceServer[] {
  const list = (urls ?? '').split(',').map((url) => url.trim())
  const named = list.filter((url) => url !== '')
  if (named.length === 0) return []
  if (secret === undefined) return [{ urls: named }]
  // In a Link header too, which holds ASCII only.
  const username = `${Math.floor((nowMs + ttlMs) / 1_000)}:${encodeURIComponent(userId)}`
  return [{ urls: named, username, credential: createHmac('sha1', secret).update(username).digest('base64') }]
}
