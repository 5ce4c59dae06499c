import { integer, optionalUrl, type SettingValues } from '@parley/core/kernel'

/** Limits and clocks of pushes. */
export const pushSettings = {
  delayMs: integer(
    'PARLEY_PUSH_DELAY_MS',
    { default: 2_000, min: 0, max: 600_000 },
    'How long devices that are online have to take a message before the others are pushed to. Milliseconds',
  ),
  ttlMs: integer(
    'PARLEY_PUSH_TTL_MS',
    { default: 86_400_000, min: 1_000, max: 28 * 86_400_000 },
    'How long a push is worth sending, and how long push services keep it for a device that is away. Milliseconds',
  ),
  retryMs: integer(
    'PARLEY_PUSH_RETRY_MS',
    { default: 2_000, min: 1, max: 600_000 },
    'Pause after the first failed attempt; it doubles up to an hour. Milliseconds',
  ),
  maxAttempts: integer(
    'PARLEY_PUSH_MAX_ATTEMPTS',
    { default: 12, min: 1, max: 100 },
    'Attempts before a push is given up',
  ),
  timeoutMs: integer(
    'PARLEY_PUSH_TIMEOUT_MS',
    { default: 10_000, min: 50, max: 120_000 },
    'Longest time of one attempt. Milliseconds',
  ),
  concurrency: integer(
    'PARLEY_PUSH_CONCURRENCY',
    { default: 128, min: 1, max: 2_000 },
    'Pushes that one process has under way at a time',
  ),
  devicesPerUser: integer(
    'PARLEY_PUSH_DEVICES_PER_USER',
    { default: 20, min: 1, max: 1_000 },
    'Devices of one user that are pushed to; the one registered longest ago is forgotten first',
  ),
  largeFrom: integer(
    'PARLEY_PUSH_LARGE_FROM',
    { default: 2_000, min: 2 },
    'From this many members on, messages are pushed only to those mentioned by name or who asked for all',
  ),
  mutedConversations: integer(
    'PARLEY_PUSH_CONVERSATION_LEVELS',
    { default: 5_000, min: 1 },
    'Conversations for which one user may keep a level of its own',
  ),
  maxTemplates: integer(
    'PARLEY_PUSH_MAX_TEMPLATES',
    { default: 500, min: 1, max: 10_000 },
    'Templates of one project',
  ),
  keepDays: integer(
    'PARLEY_PUSH_KEEP_DAYS',
    { default: 7, min: 1, max: 365 },
    'How long receipts are kept. Days',
  ),
  apnsUrl: optionalUrl(
    'PARLEY_PUSH_APNS_URL',
    'Instead of Apple’s own addresses: a proxy, or a server for tests',
  ),
  fcmUrl: optionalUrl('PARLEY_PUSH_FCM_URL', 'Instead of https://fcm.googleapis.com'),
} as const

export type PushSettings = SettingValues<typeof pushSettings>
