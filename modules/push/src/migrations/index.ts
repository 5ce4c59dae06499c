import type { Migrations } from '@parley/core/store'
import pushSql from './0001-push.sql'

export const pushMigrations: Migrations = {
  schema: 'push',
  steps: [{ id: '0001-push', sql: pushSql }],
}
