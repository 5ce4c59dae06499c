import type { Migrations } from '@parley/core/store'
import tls from './migrations/0001-tls.sql'

export const tlsMigrations: Migrations = { schema: 'tls', steps: [{ id: '0001-tls', sql: tls }] }
