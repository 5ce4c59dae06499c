import type { Migrations } from '@parley/core/store'
import moderationSql from './0001-moderation.sql'

export const moderationMigrations: Migrations = {
  schema: 'moderation',
  steps: [{ id: '0001-moderation', sql: moderationSql }],
}
