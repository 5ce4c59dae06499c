import type { Migrations } from '@parley/core/store'
import identitySql from './0001-identity.sql'
import erasedUsers from './0002-erased-users.sql'

export const identityMigrations: Migrations = {
  schema: 'identity',
  steps: [
    { id: '0001-identity', sql: identitySql },
    { id: '0002-erased-users', sql: erasedUsers },
  ],
}
