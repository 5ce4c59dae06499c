import type { Migrations } from '@parley/core/store'
import operations from './migrations/0001-operations.sql'

export const longOperationMigrations: Migrations = {
  schema: 'operations',
  steps: [{ id: '0001-operations', sql: operations }],
}
