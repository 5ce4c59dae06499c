import { integer, type SettingValues } from '@parley/core/kernel'

export const socialModuleSettings = {
  maxFriends: integer(
    'PARLEY_SOCIAL_FRIENDS',
    { default: 5_000, min: 1, max: 50_000 },
    'Most friends of a user',
  ),
  maxBlocks: integer(
    'PARLEY_SOCIAL_BLOCKS',
    { default: 5_000, min: 1, max: 50_000 },
    'Most users whom a user blocks',
  ),
  maxFollowing: integer(
    'PARLEY_SOCIAL_FOLLOWING',
    { default: 5_000, min: 1, max: 50_000 },
    'Most users whom a user follows; followers are not limited',
  ),
  maxOpenRequests: integer(
    'PARLEY_SOCIAL_OPEN_REQUESTS',
    { default: 1_000, min: 1 },
    'Most friend requests that wait for a user, and most that a user waits for',
  ),
  maxComments: integer('PARLEY_SOCIAL_COMMENTS', { default: 100_000, min: 1 }, 'Most comments on a moment'),
  keptInteractions: integer(
    'PARLEY_SOCIAL_INTERACTIONS',
    { default: 10_000, min: 100 },
    'Interactions that are kept for a user; the oldest go first',
  ),
  viewEntries: integer(
    'PARLEY_SOCIAL_VIEW_ENTRIES',
    { default: 1_000_000, min: 1_000 },
    'Block lists that a process keeps in memory: users and those they block, counted together',
  ),
} as const

export type SocialConfig = SettingValues<typeof socialModuleSettings>
