import type { ChainEntry } from './chain.ts'

export const entryColumns =
  'project_id, position, id, at, call_id, phase, action, actor_kind, actor_id, remote_address, details, hash'

export interface EntryRow {
  project_id: string
  position: number
  id: string
  at: Date
  call_id: string
  phase: 'begun' | 'ended'
  action: string
  actor_kind: string
  actor_id: string | null
  remote_address: string | null
  details: string
  hash: Buffer
}

export function fromRow(row: EntryRow): { entry: ChainEntry; hash: Buffer } {
  const entry: ChainEntry = {
    projectId: row.project_id,
    position: Number(row.position),
    id: row.id,
    at: row.at.toISOString(),
    callId: row.call_id,
    phase: row.phase,
    action: row.action,
    actorKind: row.actor_kind,
    actorId: row.actor_id,
    remoteAddress: row.remote_address,
    details: row.details,
  }
  return { entry, hash: row.hash }
}
