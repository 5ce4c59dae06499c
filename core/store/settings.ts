import { integer, type SettingValues, secret } from '@parley/core/kernel'

export const storeSettings = {
  databaseUrl: secret(
    'PARLEY_DATABASE_URL',
    'PostgreSQL 15 or later to use instead of the embedded one: postgres://user:password@host/database',
  ),
  databasePool: integer(
    'PARLEY_DATABASE_POOL',
    { default: 16, min: 2, max: 500 },
    'Connections to the database that one process opens at most',
  ),
} as const

export type StoreSettings = SettingValues<typeof storeSettings>
