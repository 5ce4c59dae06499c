import type { Migrations } from '@parley/core/store'
import webhooks from './migrations/0001-webhooks.sql'

export const webhookMigrations: Migrations = {
  schema: 'webhooks',
  steps: [{ id: '0001-webhooks', sql: webhooks }],
}
