import type { Migrations } from '@parley/core/store'
import audit from './migrations/0001-audit.sql'

export const auditMigrations: Migrations = { schema: 'audit', steps: [{ id: '0001-audit', sql: audit }] }
