import { integer, optionalString, type Setting, type SettingValues } from '@parley/core/kernel'
import { z } from 'zod'

const retryScale: Setting<number> = {
  env: 'PARLEY_WEBHOOKS_RETRY_SCALE',
  schema: z.coerce.number().min(0).max(10),
  default: 1,
  doc: 'Multiplies the pauses between attempts: 0, 5 s, 5 m, 30 m, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h. Below 1 for tests',
}

/** Limits and clocks of webhooks. */
export const webhookSettings = {
  allow: optionalString(
    'PARLEY_WEBHOOKS_ALLOW',
    'Private places that webhooks may reach, separated by commas: host names, addresses, CIDR ranges. ' +
      'Loopback is allowed in development mode',
  ),
  timeoutMs: integer(
    'PARLEY_WEBHOOKS_TIMEOUT_MS',
    { default: 15_000, min: 50, max: 120_000 },
    'Longest time of one attempt, from looking up the name to the head of the answer. Milliseconds',
  ),
  leaseMs: integer(
    'PARLEY_WEBHOOKS_LEASE_MS',
    { default: 30_000, min: 1_000, max: 600_000 },
    'How long a process that died or stands still keeps what it was sending, at least twice the longest attempt. ' +
      'Milliseconds',
  ),
  retryScale,
  concurrency: integer(
    'PARLEY_WEBHOOKS_CONCURRENCY',
    { default: 128, min: 1, max: 2_000 },
    'Deliveries that one process has under way at a time',
  ),
  perEndpoint: integer(
    'PARLEY_WEBHOOKS_PER_ENDPOINT',
    { default: 32, min: 1, max: 1_000 },
    'Deliveries that one process has under way to one webhook at a time, so that a slow receiver harms no other',
  ),
  maxEndpoints: integer(
    'PARLEY_WEBHOOKS_MAX_ENDPOINTS',
    { default: 50, min: 1, max: 1_000 },
    'Webhooks of one project',
  ),
  breakerTimeouts: integer(
    'PARLEY_WEBHOOKS_BREAKER_TIMEOUTS',
    { default: 5, min: 1, max: 1_000 },
    'Timeouts in a row after which a blocking hook is not asked for a while: its declared verdict holds at once',
  ),
  breakerCoolingMs: integer(
    'PARLEY_WEBHOOKS_BREAKER_COOLING_MS',
    { default: 15_000, min: 100, max: 3_600_000 },
    'How long a blocking hook that went silent is spared before one question tries it again. Milliseconds',
  ),
  keepDays: integer(
    'PARLEY_WEBHOOKS_KEEP_DAYS',
    { default: 30, min: 4, max: 3_650 },
    'How long the delivery log is kept, what waits for a disabled webhook included. Days',
  ),
} as const

export type WebhookSettings = SettingValues<typeof webhookSettings>
