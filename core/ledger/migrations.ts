import type { Migrations } from '@parley/core/store'
import ledger from './migrations/0001-ledger.sql'

export const ledgerMigrations: Migrations = { schema: 'ledger', steps: [{ id: '0001-ledger', sql: ledger }] }
