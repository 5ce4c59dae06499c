import {
  AppError,
  type CloudEvent,
  newId,
  type WebhookAttempt,
  type WebhookDelivery,
} from '@parley/contracts'
import { decodeNumberCursor, type PageRequest, toPage } from '@parley/core/pages'
import type { ProjectScope, Transaction } from '@parley/core/store'
import { announceArrivals } from './intake.ts'

interface DeliveryRow {
  id: string
  event_id: string
  event_type: string
  resource: string
  position: string
  state: 'waiting' | 'delivered' | 'dead'
  attempt_count: number
  attempts: WebhookAttempt[]
  replay_of: string | null
  created_at: Date
  settled_at: Date | null
  next_at: Date | null
}

// The head of a queue is the one that is tried next; those behind it have no time of their own.
const selected = `
  select d.id, d.event_id, d.event_type, d.resource, d.position::text as position, d.state, d.attempt_count,
    d.attempts, d.replay_of, d.created_at, d.settled_at,
    (select q.due_at from webhooks.queues q
      where d.state = 'waiting' and q.project_id = d.project_id and q.endpoint_id = d.endpoint_id
        and q.resource = d.resource and not q.held
        and not exists (select from webhooks.deliveries before where before.project_id = d.project_id
          and before.endpoint_id = d.endpoint_id and before.resource = d.resource and before.state = 'waiting'
          and before.position < d.position)) as next_at
  from webhooks.deliveries d`

export interface DeliveryQuery extends PageRequest {
  state?: 'waiting' | 'delivered' | 'dead' | undefined
  eventId?: string | undefined
}

/** The latest first. Throws `invalid-cursor`. */
export async function listDeliveries(project: ProjectScope, endpointId: string, query: DeliveryQuery) {
  const { rows } = await project.query<DeliveryRow>({
    text: `${selected}
      where d.project_id = $1 and d.endpoint_id = $2 and d.position < coalesce($3::bigint, 9223372036854775807)
        and ($4::text is null or d.state = $4) and ($5::text is null or d.event_id = $5)
      order by d.position desc limit $6`,
    values: [
      project.projectId,
      endpointId,
      decodeNumberCursor(query.cursor) ?? null,
      query.state ?? null,
      query.eventId ?? null,
      query.limit + 1,
    ],
  })
  return toPage(rows, query.limit, { keyOf: (row) => row.position, itemOf: toDelivery })
}

/** One delivery with the event as it is sent. Throws `not-found`. */
export async function getDelivery(
  project: ProjectScope,
  endpointId: string,
  deliveryId: string,
): Promise<WebhookDelivery & { event: CloudEvent }> {
  const { rows } = await project.query<DeliveryRow>({
    text: `${selected} where d.project_id = $1 and d.endpoint_id = $2 and d.id = $3`,
    values: [project.projectId, endpointId, deliveryId],
  })
  const delivery = toDelivery(oneOf(rows))
  const { rows: events } = await project.query<{ body: string }>({
    text: 'select body from webhooks.events where project_id = $1 and id = $2',
    values: [project.projectId, delivery.eventId],
  })
  return { ...delivery, event: JSON.parse(oneOf(events).body) as CloudEvent }
}

/**
 * Puts the event behind what waits for its resource, with the same event id. A delivery that waits itself is not
 * doubled: its queue is due at once. Throws `not-found`.
 */
export async function replayDelivery(
  tx: Transaction,
  projectId: string,
  endpointId: string,
  deliveryId: string,
): Promise<WebhookDelivery> {
  // Whoever enables or disables waits, so that the queue is held exactly while the webhook is disabled.
  await tx.query({
    text: 'select from webhooks.endpoints where project_id = $1 and id = $2 for share',
    values: [projectId, endpointId],
  })
  const { rows } = await tx.query<DeliveryRow>({
    text: `${selected} where d.project_id = $1 and d.endpoint_id = $2 and d.id = $3`,
    values: [projectId, endpointId, deliveryId],
  })
  const given = oneOf(rows)
  await announceArrivals(tx, [{ projectId, endpointId, resource: given.resource }])
  await tx.query({
    text: `update webhooks.queues set due_at = clock_timestamp(),
        held = (select not e.enabled from webhooks.endpoints e where e.project_id = $1 and e.id = $2)
      where project_id = $1 and endpoint_id = $2 and resource = $3`,
    values: [projectId, endpointId, given.resource],
  })
  const again = given.state === 'waiting' ? given.id : newId('webhookDelivery')
  if (again !== given.id) {
    await tx.query({
      text: `insert into webhooks.deliveries
          (project_id, endpoint_id, id, event_id, event_type, resource, replay_of)
        values ($1, $2, $3, $4, $5, $6, $7)`,
      values: [
        projectId,
        endpointId,
        again,
        given.event_id,
        given.event_type,
        given.resource,
        given.replay_of ?? given.id,
      ],
    })
  }
  const made = await tx.query<DeliveryRow>({
    text: `${selected} where d.project_id = $1 and d.endpoint_id = $2 and d.id = $3`,
    values: [projectId, endpointId, again],
  })
  return toDelivery(oneOf(made.rows))
}

function oneOf<Row>(rows: readonly Row[]): Row {
  const [row] = rows
  if (row === undefined) throw new AppError('not-found', 'There is no such delivery')
  return row
}

function toDelivery(row: DeliveryRow): WebhookDelivery {
  return {
    id: row.id,
    eventId: row.event_id,
    eventType: row.event_type,
    resource: row.resource,
    state: row.state,
    attempts: row.attempts,
    attemptCount: row.attempt_count,
    ...(row.next_at !== null && { nextAttemptAt: row.next_at.toISOString() }),
    ...(row.replay_of !== null && { replayOf: row.replay_of }),
    createdAt: row.created_at.toISOString(),
    ...(row.settled_at !== null && { settledAt: row.settled_at.toISOString() }),
  }
}
