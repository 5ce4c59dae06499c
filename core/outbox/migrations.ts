import type { Migrations } from '@parley/core/store'
import events from './migrations/0001-events.sql'

export const outboxMigrations: Migrations = {
  schema: 'outbox',
  steps: [{ id: '0001-events', sql: events }],
}
