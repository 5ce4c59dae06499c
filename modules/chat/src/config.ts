import { flag, integer, optionalUrl, type SettingValues, secret } from '@parley/core/kernel'

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
  maxCommunityMembers: integer(
    'PARLEY_CHAT_MAX_COMMUNITY_MEMBERS',
    { default: 500_000, min: 2 },
    'Most members of a community',
  ),
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
  linkPreviews: flag(
    'PARLEY_CHAT_LINK_PREVIEWS',
    false,
    'Pages that texts link to are fetched, and a preview is added to the message',
  ),
  translatorUrl: optionalUrl(
    'PARLEY_CHAT_TRANSLATOR_URL',
    'Asked to translate messages: a POST of {text, to}, answered by {text, detectedLanguage}',
  ),
  translatorSecret: secret(
    'PARLEY_CHAT_TRANSLATOR_SECRET',
    'Signs the questions to the translator as Standard Webhooks says: whsec_ and base64',
  ),
  streamIdleMs: integer(
    'PARLEY_CHAT_STREAM_IDLE_MS',
    { default: 60_000, min: 1_000 },
    'A growing message to which nothing was appended for so long is ended as interrupted',
  ),
  viewMembers: integer(
    'PARLEY_CHAT_VIEW_MEMBERS',
    { default: 2_000_000, min: 1_000 },
    'Memberships a process keeps in memory over all conversations',
  ),
  roomMessagesPerSecond: integer(
    'PARLEY_CHATROOM_MESSAGES_PER_SECOND',
    { default: 200, min: 1, max: 10_000 },
    'Messages of normal and low priority that a chat room carries; what exceeds it is dropped, lowest priority first',
  ),
  roomMessagesPerUser: integer(
    'PARLEY_CHATROOM_MESSAGES_PER_USER',
    { default: 5, min: 1, max: 1_000 },
    'Messages a second that one user may send into a chat room, after a burst of twice as many',
  ),
  roomGiftsPerSecond: integer(
    'PARLEY_CHATROOM_GIFTS_PER_SECOND',
    { default: 50, min: 1, max: 10_000 },
    'Gifts a second that one process takes for a chat room, after a burst of twice as many; more are refused, none is dropped',
  ),
} as const

export type ChatSettings = SettingValues<typeof chatSettings>
