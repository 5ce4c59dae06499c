import type { DomainEvent, DomainEventType } from '@parley/contracts'

/** An event as it was stored; a `switch` over `type` narrows `data`. */
export type StoredEvent = { [T in DomainEventType]: DomainEvent<T> }[DomainEventType] & {
  /** Ours, `evt_`; the same at every delivery. */
  id: string
  /** Decimal; grows along the events of one resource. */
  position: string
  occurredAt: Date
}

export interface EventRow {
  position: string
  id: string
  project_id: string
  resource: string
  type: string
  data: unknown
  occurred_at: Date
}

/** Columns as `EventRow` has them; a bigint as text, whatever the driver makes of it. */
export const eventColumns = 'position::text as position, id, project_id, resource, type, data, occurred_at'

export function toStoredEvent(row: EventRow): StoredEvent {
  return {
    id: row.id,
    position: row.position,
    projectId: row.project_id,
    resource: row.resource,
    type: row.type,
    data: row.data,
    occurredAt: row.occurred_at,
  } as StoredEvent
}
