import { integer, type SettingValues } from '@parley/core/kernel'

export const chatSettings = {
  appendLanes: integer(
    'PARLEY_CHAT_APPEND_LANES',
    { default: 4, min: 1, max: 64 },
    'Append transactions that may run side by side in a process',
  ),
  appendBatch: integer(
    'PARLEY_CHAT_APPEND_BATCH',
    { default: 256, min: 1, max: 5_000 },
    'Most messages in one append transaction',
  ),
  appendQueue: integer(
    'PARLEY_CHAT_APPEND_QUEUE',
    { default: 50_000, min: 1 },
    'Messages that may wait for append before sends are refused as `overloaded`',
  ),
  maxMembers: integer('PARLEY_CHAT_MAX_MEMBERS', { default: 100_000, min: 2 }, 'Most members of a group'),
  largeFrom: integer(
    'PARLEY_CHAT_LARGE_FROM',
    { default: 500, min: 2 },
    'From this many members on a conversation is paged at sync instead of written to each member’s change log',
  ),
  receiptsUpTo: integer(
    'PARLEY_CHAT_RECEIPTS_UP_TO',
    { default: 200, min: 2 },
    'Read cursors are pushed live to all members up to this size; beyond it to the reader’s own devices',
  ),
  viewMembers: integer(
    'PARLEY_CHAT_VIEW_MEMBERS',
    { default: 2_000_000, min: 1_000 },
    'Memberships a process keeps in memory over all conversations',
  ),
} as const

export type ChatSettings = SettingValues<typeof chatSettings>
