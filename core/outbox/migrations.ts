import type { Migrations } from '@parley/core/store'
import events from './migrations/0001-events.sql'
import epoch from './migrations/0002-epoch.sql'

export const outboxMigrations: Migrations = {
  schema: 'outbox',
  steps: [
    { id: '0001-events', sql: events },
    { id: '0002-epoch', sql: epoch },
  ],
}
