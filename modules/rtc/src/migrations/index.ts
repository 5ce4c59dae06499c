import type { Migrations } from '@parley/core/store'
import rooms from './0001-rooms.sql'
import e2ee from './0002-e2ee.sql'

export const rtcMigrations: Migrations = {
  schema: 'rtc',
  steps: [
    { id: '0001-rooms', sql: rooms },
    { id: '0002-e2ee', sql: e2ee },
  ],
}
