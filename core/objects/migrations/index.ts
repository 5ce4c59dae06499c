import type { Migrations } from '@parley/core/store'
import objects from './0001-objects.sql'
import transfers from './0002-transfers.sql'
import owners from './0003-owners.sql'
import pictures from './0004-pictures.sql'

export const objectMigrations: Migrations = {
  schema: 'objects',
  steps: [
    { id: '0001-objects', sql: objects },
    { id: '0002-transfers', sql: transfers },
    { id: '0003-owners', sql: owners },
    { id: '0004-pictures', sql: pictures },
  ],
}
