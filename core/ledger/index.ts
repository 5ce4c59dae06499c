export { Ledger, type LedgerPage, type LedgerQuery } from './ledger.ts'
export {
  type CloudEvent,
  type FrameSize,
  type LedgerFact,
  toCloudEvent,
  type UsageInterval,
} from './ledger-fact.ts'
export { ledgerMigrations } from './migrations.ts'
