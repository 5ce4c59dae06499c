import { chatMigrations } from '@parley/chat'
import { auditMigrations } from '@parley/core/audit'
import { httpMigrations } from '@parley/core/http'
import { jobsMigrations } from '@parley/core/jobs'
import { ledgerMigrations } from '@parley/core/ledger'
import { longOperationMigrations } from '@parley/core/long-operations'
import { objectMigrations } from '@parley/core/objects'
import { outboxMigrations } from '@parley/core/outbox'
import { personalDataMigrations } from '@parley/core/personal-data'
import type { Migrations } from '@parley/core/store'
import { telemetryMigrations } from '@parley/core/telemetry'
import { tlsMigrations } from '@parley/core/tls'
import { webhookMigrations } from '@parley/core/webhooks'
import { enterpriseMigrations } from '@parley/enterprise'
import { identityMigrations } from '@parley/identity'
import { moderationMigrations } from '@parley/moderation'
import { pushMigrations } from '@parley/push'
import { rtcMigrations } from '@parley/rtc'
import { socialMigrations } from '@parley/social'

/** Every schema of the server: what a restore builds before it loads. */
export const serverMigrations: readonly Migrations[] = [
  outboxMigrations,
  jobsMigrations,
  ledgerMigrations,
  telemetryMigrations,
  auditMigrations,
  httpMigrations,
  tlsMigrations,
  webhookMigrations,
  objectMigrations,
  longOperationMigrations,
  personalDataMigrations,
  identityMigrations,
  moderationMigrations,
  socialMigrations,
  chatMigrations,
  pushMigrations,
  enterpriseMigrations,
  rtcMigrations,
]
