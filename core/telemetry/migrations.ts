import type { Migrations } from '@parley/core/store'
import points from './migrations/0001-points.sql'

export const telemetryMigrations: Migrations = {
  schema: 'telemetry',
  steps: [{ id: '0001-points', sql: points }],
}
