import type { Migrations } from '@parley/core/store'
import rooms from './0001-rooms.sql'

export const rtcMigrations: Migrations = { schema: 'rtc', steps: [{ id: '0001-rooms', sql: rooms }] }
