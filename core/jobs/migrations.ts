import type { Migrations } from '@parley/core/store'
import jobs from './migrations/0001-jobs.sql'

export const jobsMigrations: Migrations = { schema: 'jobs', steps: [{ id: '0001-jobs', sql: jobs }] }
