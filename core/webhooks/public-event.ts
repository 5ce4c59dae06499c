import { createHash } from 'node:crypto'
import type { CloudEvent, WebhookEventType } from '@parley/contracts'
import type { StoredEvent } from '@parley/core/outbox'
import type { ProjectScope } from '@parley/core/store'

/** What webhooks tell the customer, before it is dressed as a CloudEvent. */
export interface PublicEvent {
  /** The same whenever the same fact is expanded again: see `publicEventId`. Holds no full stop. */
  id: string
  type: WebhookEventType
  /** What the event is about, such as `message/msg_...`. */
  subject: string
  time: Date
  /** What the order is kept for. Absent: the resource of the domain event. */
  resource?: string
  /** JSON. */
  data: unknown
}

/**
 * Turns one domain event into what customers hear of it. It may run again for the same event and must then answer
 * the same ids; its events keep their order.
 */
export type WebhookSource = (
  project: ProjectScope,
  event: StoredEvent,
) => Promise<PublicEvent[]> | PublicEvent[]

/** An id that follows from what the event tells of, such as project, conversation and seq. */
export function publicEventId(...parts: readonly (string | number)[]): string {
  const hash = createHash('sha256').update(JSON.stringify(parts)).digest('hex')
  return `evt_${hash.slice(0, 32)}`
}

/** CloudEvents 1.0. */
export function toCloudEvent(
  projectId: string,
  event: { id: string; type: string; subject: string; time: Date; data: unknown },
): CloudEvent {
  return {
    specversion: '1.0',
    id: event.id,
    source: `/projects/${projectId}`,
    type: event.type,
    subject: event.subject,
    time: event.time.toISOString(),
    data: event.data as CloudEvent['data'],
  }
}

/** Whether a webhook with these filters takes events of the type. */
export function takes(filters: readonly string[], type: string): boolean {
  const resource = `${type.slice(0, type.indexOf('.'))}.*`
  return filters.some((filter) => filter === '*' || filter === type || filter === resource)
}
