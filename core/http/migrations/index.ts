import type { Migrations } from '@parley/core/store'
import idempotency from './0001-idempotency.sql'

export const httpMigrations: Migrations = {
  schema: 'http',
  steps: [{ id: '0001-idempotency', sql: idempotency }],
}
