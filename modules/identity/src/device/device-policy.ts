/** A live session as the kick policy sees it. */
export interface PolicySession {
  sessionId: string
  deviceId: string
  platform: string
  /** Orders sessions, the oldest first. */
  openedAt: number
}

export interface DevicePolicy {
  maxPerPlatform: number
  maxTotal: number
}

export type KickReason = 'replaced' | 'platform-limit' | 'total-limit'

/** What `session.closing` tells the one who must go. */
export const kickDetails: Record<KickReason | 'removed', string> = {
  replaced: 'A newer connection of the same device took the place',
  'platform-limit': 'The user has too many connections on this platform; the oldest had to go',
  'total-limit': 'The user has too many connections; the oldest had to go',
  removed: 'The device was removed',
}

/**
 * Which of a user's live sessions must go. Newest first, a session stays when no newer one has its device and there
 * is room on its platform and in all. A pure function of the sessions, so that processes which look at the same
 * time name the same ones.
 */
export function sessionsToKick(
  sessions: readonly PolicySession[],
  policy: DevicePolicy,
): Map<string, KickReason> {
  const kicked = new Map<string, KickReason>()
  const devices = new Set<string>()
  const byPlatform = new Map<string, number>()
  let total = 0
  for (const session of [...sessions].sort(newestFirst)) {
    const onPlatform = byPlatform.get(session.platform) ?? 0
    if (devices.has(session.deviceId)) kicked.set(session.sessionId, 'replaced')
    else if (onPlatform >= policy.maxPerPlatform) kicked.set(session.sessionId, 'platform-limit')
    else if (total >= policy.maxTotal) kicked.set(session.sessionId, 'total-limit')
    else {
      devices.add(session.deviceId)
      byPlatform.set(session.platform, onPlatform + 1)
      total++
    }
  }
  return kicked
}

function newestFirst(a: PolicySession, b: PolicySession): number {
  if (a.openedAt !== b.openedAt) return b.openedAt - a.openedAt
  return a.sessionId < b.sessionId ? 1 : -1
}
