import type { Migrations } from '@parley/core/store'
import socialSql from './0001-social.sql'

export const socialMigrations: Migrations = {
  schema: 'social',
  steps: [{ id: '0001-social', sql: socialSql }],
}
