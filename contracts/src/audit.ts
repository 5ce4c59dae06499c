import { z } from 'zod'
import { endpoint } from './endpoint.ts'
import { pageOf, pageQuery, timestamp } from './pagination.ts'

export const auditEntry = z
  .object({
    position: z.number().int().meta({ description: 'Place in the chain of the project, dense from 1' }),
    id: z.string(),
    at: timestamp,
    callId: z.string().meta({ description: 'The request; the same for its beginning and its end' }),
    phase: z.enum(['begun', 'ended']).meta({
      description: 'Every call is written down before it is carried out, and again with its outcome',
    }),
    action: z.string().meta({ description: 'The operation, as in this document: createKey' }),
    actor: z.object({ kind: z.string(), id: z.string().optional() }),
    remoteAddress: z.string().optional(),
    details: z.record(z.string(), z.unknown()).meta({
      description: 'Ids of what it concerned, names of the fields that were given, and how it ended',
    }),
    hash: z.string().meta({ description: 'SHA-256 over the entry and the hash of the one before. Hex' }),
  })
  .meta({ id: 'AuditEntry' })
export type AuditEntry = z.infer<typeof auditEntry>

export const auditEndpoints = {
  listAuditLog: endpoint({
    name: 'listAuditLog',
    tag: 'audit',
    method: 'GET',
    path: '/v1/audit-log',
    summary: 'Administrative calls of the project, newest first',
    auth: 'key',
    query: pageQuery.extend({
      action: z.string().max(64).optional(),
      actorId: z.string().max(128).optional(),
      callId: z.string().max(64).optional(),
    }),
    status: 200,
    answer: pageOf(auditEntry),
    errors: [],
  }),
} as const
