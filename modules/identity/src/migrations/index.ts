import type { Migrations } from '@parley/core/store'
import identitySql from './0001-identity.sql'

export const identityMigrations: Migrations = {
  schema: 'identity',
  steps: [{ id: '0001-identity', sql: identitySql }],
}
