import type { Migrations } from '@parley/core/store'
import rooms from './0001-rooms.sql'
import e2ee from './0002-e2ee.sql'
import holderAddress from './0003-holder-address.sql'

export const rtcMigrations: Migrations = {
  schema: 'rtc',
  steps: [
    { id: '0001-rooms', sql: rooms },
    { id: '0002-e2ee', sql: e2ee },
    { id: '0003-holder-address', sql: holderAddress },
  ],
}
