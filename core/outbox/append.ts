import { type DomainEvent, newId } from '@parley/contracts'
import type { Queryable } from '@parley/core/store'

// unnest yields its rows in order, and identity values are handed out as rows come: positions follow the array.
const insert = `
  insert into outbox.events (id, project_id, resource, type, data)
  select id, project_id, resource, type, data::json
  from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) as event(id, project_id, resource, type, data)`

export async function insertEvents(tx: Queryable, events: readonly DomainEvent[]): Promise<void> {
  await tx.query({
    name: 'outbox-append',
    text: insert,
    values: [
      events.map(() => newId('event')),
      events.map((event) => event.projectId),
      events.map((event) => event.resource),
      events.map((event) => event.type),
      events.map((event) => JSON.stringify(event.data)),
    ],
  })
}
