export { type AuditFact, AuditLog, type AuditOptions } from './audit-log.ts'
export { addAuditRoutes } from './audit-routes.ts'
export { auditMigrations } from './migrations.ts'
export { type ChainBreak, type VerifiedChain, verifyAuditLog } from './verify.ts'
