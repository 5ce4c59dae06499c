import { integer, type SettingValues } from '@parley/core/kernel'

export const moderationSettings = {
  maxLists: integer(
    'PARLEY_MODERATION_LISTS',
    { default: 32, min: 1, max: 1_000 },
    'Word lists of a project',
  ),
  maxWords: integer(
    'PARLEY_MODERATION_WORDS',
    { default: 300_000, min: 1_000 },
    'Words of all lists of a project together; 100,000 take about 10 MB in each process',
  ),
  auditsInFlight: integer(
    'PARLEY_MODERATION_AUDITS_IN_FLIGHT',
    { default: 256, min: 1 },
    'Questions to the audit service of a project at a time; beyond that its fallback verdict holds',
  ),
  auditFailures: integer(
    'PARLEY_MODERATION_AUDIT_FAILURES',
    { default: 5, min: 1 },
    'After so many failures in a row an audit service is left alone for a while, and its fallback verdict holds',
  ),
  auditPauseMs: integer(
    'PARLEY_MODERATION_AUDIT_PAUSE_MS',
    { default: 10_000, min: 100 },
    'How long an audit service that fails is left alone, in milliseconds',
  ),
} as const

export type ModerationConfig = SettingValues<typeof moderationSettings>

/** Restrictions of one user that hold at a time. */
export const maxRestrictions = 100
/** Notes of one case. */
export const maxNotes = 100
