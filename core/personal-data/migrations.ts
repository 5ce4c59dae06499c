import type { Migrations } from '@parley/core/store'
import personalData from './migrations/0001-personal-data.sql'

export const personalDataMigrations: Migrations = {
  schema: 'personal',
  steps: [{ id: '0001-personal-data', sql: personalData }],
}
