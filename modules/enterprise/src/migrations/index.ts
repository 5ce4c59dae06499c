import type { Migrations } from '@parley/core/store'
import enterpriseSql from './0001-enterprise.sql'

export const enterpriseMigrations: Migrations = {
  schema: 'enterprise',
  steps: [{ id: '0001-enterprise', sql: enterpriseSql }],
}
