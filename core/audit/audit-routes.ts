import { auditEndpoints } from '@parley/contracts'
import type { HttpServer } from '@parley/core/http'
import type { AuditLog } from './audit-log.ts'

/** Adds the REST of the audit log. */
export function addAuditRoutes(http: HttpServer, audit: AuditLog): void {
  http.route(auditEndpoints.listAuditLog, ({ query, project }) => audit.list(project, query))
}
