import { AppError, type Endpoint } from '@parley/contracts'
import type { Caller } from '@parley/core/auth'
import type { Logger } from '@parley/core/kernel'
import type { AnyRouteRequest } from './route.ts'

/** What the audit log takes of a call; `core/audit` implements it. */
export interface AuditSink {
  record(fact: {
    projectId: string | undefined
    callId: string
    phase: 'begun' | 'ended'
    action: string
    actor: { kind: string; id?: string | undefined }
    remoteAddress: string | undefined
    details: Record<string, unknown>
  }): Promise<void>
}

/**
 * Carries out a call that the audit log tells of. That it begins is written first: when that cannot be, nothing is
 * done, so no change is without an entry, whatever dies when. A beginning without an end says that the outcome is
 * not known.
 */
export async function auditedCall(
  endpoint: Endpoint,
  request: AnyRouteRequest,
  audit: AuditSink | undefined,
  logger: Logger,
  work: () => Promise<unknown>,
): Promise<unknown> {
  if (audit === undefined || !isAudited(endpoint, request.caller)) return work()
  const call = {
    projectId: projectOf(request),
    callId: request.requestId,
    action: endpoint.name,
    actor: actorOf(request.caller),
    remoteAddress: request.remoteAddress,
  }
  await audit.record({ ...call, phase: 'begun', details: about(request) })
  const end = async (outcome: Record<string, unknown>): Promise<void> => {
    try {
      await audit.record({ ...call, phase: 'ended', details: outcome })
    } catch (error) {
      logger.error({ error, requestId: request.requestId }, 'the outcome of a call is not in the audit log')
    }
  }
  try {
    const answer = await work()
    await end({ outcome: 'done', ...idOf(answer) })
    return answer
  } catch (error) {
    await end({ outcome: 'failed', code: error instanceof AppError ? error.code : 'internal-error' })
    throw error
  }
}

function isAudited(endpoint: Endpoint, caller: Caller): boolean {
  if (caller.kind !== 'key' && caller.kind !== 'operator') return false
  if (endpoint.audit !== undefined) return endpoint.audit
  return endpoint.method !== 'GET' && (endpoint.auth === 'key' || endpoint.auth === 'operator')
}

/** Operators act on the project that the path names, or on the installation. */
function projectOf({ caller, params }: AnyRouteRequest): string | undefined {
  if (caller.kind === 'key' || caller.kind === 'user') return caller.projectId
  const { projectId } = (params ?? {}) as { projectId?: unknown }
  return typeof projectId === 'string' ? projectId : undefined
}

function actorOf(caller: Caller): { kind: string; id?: string } {
  return caller.kind === 'key' ? { kind: 'key', id: caller.keyId } : { kind: caller.kind }
}

/** The ids of the path, and which fields were given; never what was in them. */
function about({ params, body }: AnyRouteRequest): Record<string, unknown> {
  const fields =
    body !== null && typeof body === 'object' && !Array.isArray(body) ? Object.keys(body).sort() : []
  return { ...(params !== undefined && { params }), ...(fields.length > 0 && { fields }) }
}

function idOf(answer: unknown): { id?: string } {
  const { id } = (answer !== null && typeof answer === 'object' ? answer : {}) as { id?: unknown }
  return typeof id === 'string' ? { id } : {}
}
