import type { Migrations } from '@parley/core/store'
import log from './0001-log.sql'

export const chatMigrations: Migrations = { schema: 'chat', steps: [{ id: '0001-log', sql: log }] }
