import { integer, type SettingValues } from '@parley/core/kernel'

export const identitySettings = {
  authCacheMs: integer(
    'PARLEY_AUTH_CACHE_MS',
    { default: 1000, min: 0, max: 60_000 },
    'How long a process believes what it read about a key or a user when no revocation reaches it, in milliseconds',
  ),
  authCacheUsers: integer(
    'PARLEY_AUTH_CACHE_USERS',
    { default: 200_000, min: 100 },
    'How many users a process remembers between calls',
  ),
  sessionLeaseMs: integer(
    'PARLEY_SESSION_LEASE_MS',
    { default: 10_000, min: 2_000 },
    'After this long without a sign of life the sessions of a server process count as gone, in milliseconds',
  ),
  presenceGraceMs: integer(
    'PARLEY_PRESENCE_GRACE_MS',
    { default: 2_000, min: 0, max: 60_000 },
    'How long a user must be gone before subscribers are told, so that a reload is no news, in milliseconds',
  ),
  presenceSubscriptions: integer(
    'PARLEY_PRESENCE_SUBSCRIPTIONS',
    { default: 1_000, min: 1 },
    'How many users one session may watch',
  ),
  devicesPerUser: integer(
    'PARLEY_DEVICES_PER_USER',
    { default: 100, min: 1 },
    'How many devices of a user are remembered; the one not seen for longest is forgotten first',
  ),
} as const

export type IdentitySettings = SettingValues<typeof identitySettings>

/** How long clocks of customers' servers may be ahead of ours when they sign. Milliseconds. */
export const clockSkewMs = 30_000

/** How long a minted token lives when the caller names no time. Milliseconds. */
export const defaultTokenTtlMs = 24 * 3_600_000

/** Live keys of one project: the one in use and the one that replaces it. */
export const maxLiveKeys = 2
