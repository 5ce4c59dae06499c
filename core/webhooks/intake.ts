import type { DomainEventType } from '@parley/contracts'
import { newId } from '@parley/contracts'
import type { StoredEvent } from '@parley/core/outbox'
import type { Database, Transaction } from '@parley/core/store'
import type { EndpointStore } from './endpoint-store.ts'
import { type PublicEvent, takes, toCloudEvent, type WebhookSource } from './public-event.ts'

/** Deliveries that one transaction makes, about. */
const chunk = 1_000

export interface IntakeOptions {
  database: Database
  endpoints: EndpointStore
  sources: ReadonlyMap<DomainEventType, WebhookSource>
  /** Called after a commit that put something into queues. */
  onQueued: () => void
}

interface Delivery {
  projectId: string
  endpointId: string
  resource: string
  eventId: string
  eventType: string
}

interface StoredBody {
  projectId: string
  id: string
  type: string
  body: string
}

/** Turns domain events into deliveries. It may run again for the same events: ids and keys make that harmless. */
export class Intake {
  readonly #options: IntakeOptions

  constructor(options: IntakeOptions) {
    this.#options = options
  }

  async handle(events: readonly StoredEvent[], signal: AbortSignal): Promise<void> {
    const { endpoints, sources, database } = this.#options
    const receivers = await endpoints.receivers([...new Set(events.map((event) => event.projectId))])
    if (receivers.size === 0) return
    let bodies: StoredBody[] = []
    let deliveries: Delivery[] = []
    for (const event of events) {
      const source = sources.get(event.type)
      const takers = receivers.get(event.projectId)
      if (source === undefined || takers === undefined) continue
      for (const told of await source(database.project(event.projectId), event)) {
        const wanted = takers.filter(({ events: filters }) => takes(filters, told.type))
        if (wanted.length === 0) continue
        bodies.push(bodyOf(event.projectId, told))
        for (const { id } of wanted) deliveries.push(deliveryOf(event, told, id))
      }
      if (deliveries.length < chunk) continue
      signal.throwIfAborted()
      await this.#store(bodies, deliveries)
      bodies = []
      deliveries = []
    }
    if (deliveries.length > 0) await this.#store(bodies, deliveries)
  }

  async #store(bodies: readonly StoredBody[], deliveries: readonly Delivery[]): Promise<void> {
    const { database, onQueued } = this.#options
    await database.system.transaction(async (tx) => {
      await insertBodies(tx, bodies)
      await announceArrivals(tx, deliveries)
      await insertDeliveries(tx, deliveries)
      tx.afterCommit(onQueued)
    })
  }
}

function bodyOf(projectId: string, event: PublicEvent): StoredBody {
  const body = JSON.stringify(toCloudEvent(projectId, event))
  return { projectId, id: event.id, type: event.type, body }
}

function deliveryOf(event: StoredEvent, told: PublicEvent, endpointId: string): Delivery {
  return {
    projectId: event.projectId,
    endpointId,
    resource: told.resource ?? event.resource,
    eventId: told.id,
    eventType: told.type,
  }
}

async function insertBodies(tx: Transaction, bodies: readonly StoredBody[]): Promise<void> {
  await tx.query({
    name: 'webhooks-insert-bodies',
    text: `insert into webhooks.events (project_id, id, type, body)
      select * from unnest($1::text[], $2::text[], $3::text[], $4::text[])
      on conflict (project_id, id) do nothing`,
    values: [
      bodies.map((event) => event.projectId),
      bodies.map((event) => event.id),
      bodies.map((event) => event.type),
      bodies.map((event) => event.body),
    ],
  })
}

/** Locks or makes the queues, in one order for all writers, so that none is taken for empty meanwhile. */
export async function announceArrivals(
  tx: Transaction,
  queues: readonly Pick<Delivery, 'projectId' | 'endpointId' | 'resource'>[],
): Promise<void> {
  await tx.query({
    name: 'webhooks-arrivals',
    text: `insert into webhooks.queues as queue (project_id, endpoint_id, resource)
      select distinct * from unnest($1::text[], $2::text[], $3::text[]) as q (project_id, endpoint_id, resource)
      order by 1, 2, 3
      on conflict (project_id, endpoint_id, resource) do update set arrivals = queue.arrivals + 1`,
    values: [
      queues.map((queue) => queue.projectId),
      queues.map((queue) => queue.endpointId),
      queues.map((queue) => queue.resource),
    ],
  })
}

// unnest yields its rows in order, and identity values are handed out as rows come: positions follow the array.
async function insertDeliveries(tx: Transaction, deliveries: readonly Delivery[]): Promise<void> {
  await tx.query({
    name: 'webhooks-insert-deliveries',
    text: `insert into webhooks.deliveries (project_id, endpoint_id, id, event_id, event_type, resource)
      select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
      on conflict (project_id, endpoint_id, event_id) where replay_of is null do nothing`,
    values: [
      deliveries.map((delivery) => delivery.projectId),
      deliveries.map((delivery) => delivery.endpointId),
      deliveries.map(() => newId('webhookDelivery')),
      deliveries.map((delivery) => delivery.eventId),
      deliveries.map((delivery) => delivery.eventType),
      deliveries.map((delivery) => delivery.resource),
    ],
  })
}
