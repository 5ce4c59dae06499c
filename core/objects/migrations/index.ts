import type { Migrations } from '@parley/core/store'
import objects from './0001-objects.sql'

export const objectMigrations: Migrations = {
  schema: 'objects',
  steps: [{ id: '0001-objects', sql: objects }],
}
