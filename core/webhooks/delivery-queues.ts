import type { WebhookAttempt } from '@parley/contracts'
import { type Database, GroupCommit } from '@parley/core/store'

/** The deliveries of one resource to one endpoint, claimed by this process for the time of a lease. */
export interface ClaimedQueue {
  projectId: string
  endpointId: string
  resource: string
  generation: string
}

export interface WaitingDelivery {
  id: string
  eventId: string
  body: string
  attemptCount: number
  position: string
}

interface Delivered {
  queue: ClaimedQueue
  delivery: WaitingDelivery
  attempt: WebhookAttempt
}

const keptAttempts = 20
const addAttempt = (given: string): string => `
  attempt_count = attempt_count + 1,
  attempts = (case when jsonb_array_length(attempts) >= ${keptAttempts} then attempts - 0 else attempts end)
    || ${given}`

// What is due is looked at by endpoint, so that one with many queues does not take every place.
const claim = `
  with due as (
    select project_id, endpoint_id, resource,
      row_number() over (partition by project_id, endpoint_id order by due_at) as rank
    from (
      select * from webhooks.queues
      where not held and due_at <= now() and (lease_until is null or lease_until <= now())
        and not (endpoint_id = any($1::text[]))
      order by due_at limit 2000
    ) oldest
  ),
  chosen as (
    select queue.project_id, queue.endpoint_id, queue.resource
    from due
    join webhooks.queues queue using (project_id, endpoint_id, resource)
    left join unnest($2::text[], $3::int[]) as busy (endpoint_id, room) on busy.endpoint_id = due.endpoint_id
    where due.rank <= coalesce(busy.room, $4::int) and not queue.held and queue.due_at <= now()
      and (queue.lease_until is null or queue.lease_until <= now())
    order by due.rank limit $5
    for no key update of queue skip locked
  )
  update webhooks.queues queue
  set lease_until = clock_timestamp() + $6 * interval '1 millisecond', generation = generation + 1
  from chosen
  where queue.project_id = chosen.project_id and queue.endpoint_id = chosen.endpoint_id
    and queue.resource = chosen.resource
  returning queue.project_id, queue.endpoint_id, queue.resource, queue.generation::text as generation`

// Said beside the key: without statistics the planner takes any index that begins with the endpoint, and each must
// lead to one row, not to all that the endpoint ever had.
const place = (resource: string, position: string): string =>
  `delivery.resource = ${resource} and delivery.position = ${position}`

const mine = 'project_id = $1 and endpoint_id = $2 and resource = $3 and generation = $4::bigint'

/** What waits in the database, and who works on it. One process has a queue at a time, so that its order holds. */
export class DeliveryQueues {
  readonly #database: Database
  readonly #leaseMs: number
  readonly #delivered: GroupCommit<Delivered, null>

  constructor({ database, leaseMs }: { database: Database; leaseMs: number }) {
    this.#database = database
    this.#leaseMs = leaseMs
    this.#delivered = new GroupCommit<Delivered, null>({
      database,
      lanes: 2,
      laneOf: ({ queue }) => `${queue.endpointId}/${queue.resource}`,
      commit: async (items, tx) => {
        await tx.query({
          name: 'webhooks-delivered',
          text: `update webhooks.deliveries delivery
            set state = 'delivered', settled_at = clock_timestamp(), ${addAttempt('done.attempt::jsonb')}
            from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[])
              as done (project_id, endpoint_id, id, resource, position, attempt)
            where delivery.project_id = done.project_id and delivery.endpoint_id = done.endpoint_id
              and delivery.id = done.id and ${place('done.resource', 'done.position')} and delivery.state = 'waiting'`,
          values: [
            items.map(({ queue }) => queue.projectId),
            items.map(({ queue }) => queue.endpointId),
            items.map(({ delivery }) => delivery.id),
            items.map(({ queue }) => queue.resource),
            items.map(({ delivery }) => delivery.position),
            items.map(({ attempt }) => JSON.stringify(attempt)),
          ],
        })
        return items.map(() => null)
      },
    })
  }

  /** Takes queues that are due. `busy` counts what this process works on already, by endpoint. */
  async claim(options: {
    limit: number
    perEndpoint: number
    busy: ReadonlyMap<string, number>
  }): Promise<ClaimedQueue[]> {
    const { limit, perEndpoint, busy } = options
    const full = [...busy].filter(([, count]) => count >= perEndpoint).map(([endpointId]) => endpointId)
    const { rows } = await this.#database.system.query<{
      project_id: string
      endpoint_id: string
      resource: string
      generation: string
    }>({
      name: 'webhooks-claim',
      text: claim,
      values: [
        full,
        [...busy.keys()],
        [...busy.values()].map((count) => Math.max(0, perEndpoint - count)),
        perEndpoint,
        limit,
        this.#leaseMs,
      ],
    })
    return rows.map((row) => ({
      projectId: row.project_id,
      endpointId: row.endpoint_id,
      resource: row.resource,
      generation: row.generation,
    }))
  }

  /** Milliseconds until something more is due; undefined when nothing is. */
  async nextDueMs(): Promise<number | undefined> {
    const { rows } = await this.#database.system.query<{ due_ms: number | null }>({
      name: 'webhooks-next',
      text: `select (extract(epoch from min(due_at) - clock_timestamp()) * 1000)::float8 as due_ms
        from webhooks.queues where not held and due_at > now()`,
    })
    return rows[0]?.due_ms ?? undefined
  }

  /** The head of the queue, in order. An empty one is removed; `undefined` says that it is done or lost. */
  async head(queue: ClaimedQueue, limit: number): Promise<WaitingDelivery[] | undefined> {
    for (;;) {
      const { rows } = await this.#database.system.query<{
        arrivals: string
        id: string | null
        event_id: string
        body: string
        attempt_count: number
        position: string
      }>({
        name: 'webhooks-head',
        text: `select queue.arrivals::text as arrivals, waiting.* from webhooks.queues queue
          left join lateral (
            select delivery.id, delivery.event_id, event.body, delivery.attempt_count, delivery.position::text as position
            from webhooks.deliveries delivery
            join webhooks.events event on event.project_id = delivery.project_id and event.id = delivery.event_id
            where delivery.project_id = $1 and delivery.endpoint_id = $2 and delivery.resource = $3
              and delivery.state = 'waiting'
            order by delivery.position limit $5
          ) waiting on true
          where queue.project_id = $1 and queue.endpoint_id = $2 and queue.resource = $3
            and queue.generation = $4::bigint
          order by waiting.position::bigint`,
        values: [...keyOf(queue), limit],
      })
      const [first] = rows
      if (first === undefined) return undefined
      if (first.id !== null) {
        return rows.map((row) => ({
          id: row.id ?? '',
          eventId: row.event_id,
          body: row.body,
          attemptCount: row.attempt_count,
          position: row.position,
        }))
      }
      const { rowCount } = await this.#database.system.query({
        name: 'webhooks-remove-queue',
        text: `delete from webhooks.queues where ${mine} and arrivals = $5::bigint`,
        values: [...keyOf(queue), first.arrivals],
      })
      if (rowCount > 0) return undefined
    }
  }

  /** Lengthens the lease. False when the queue is another's by now, or held. */
  async extend(queue: ClaimedQueue): Promise<boolean> {
    const { rowCount } = await this.#database.system.query({
      name: 'webhooks-extend',
      text: `update webhooks.queues set lease_until = clock_timestamp() + $5 * interval '1 millisecond'
        where ${mine} and not held`,
      values: [...keyOf(queue), this.#leaseMs],
    })
    return rowCount > 0
  }

  /** Gives the queue back, to the end of the line of what is due. */
  async release(queue: ClaimedQueue): Promise<void> {
    await this.#database.system.query({
      name: 'webhooks-release',
      text: `update webhooks.queues set lease_until = null, due_at = greatest(due_at, clock_timestamp()) where ${mine}`,
      values: keyOf(queue),
    })
  }

  /** Holds the queue of an endpoint that is disabled; gives it back when it is enabled again meanwhile. */
  async hold(queue: ClaimedQueue): Promise<void> {
    await this.#database.system.transaction(async (tx) => {
      const { rows } = await tx.query<{ enabled: boolean }>({
        text: 'select enabled from webhooks.endpoints where project_id = $1 and id = $2 for share',
        values: [queue.projectId, queue.endpointId],
      })
      await tx.query({
        text: `update webhooks.queues set held = $5, lease_until = null where ${mine}`,
        values: [...keyOf(queue), rows[0]?.enabled === false],
      })
    })
  }

  /** Resolves once it is stored. */
  async settleDelivered(
    queue: ClaimedQueue,
    delivery: WaitingDelivery,
    attempt: WebhookAttempt,
  ): Promise<void> {
    await this.#delivered.submit({ queue, delivery, attempt })
  }

  /**
   * Stores a failed attempt and gives the queue back until its head is tried again; without `pauseMs` it was the last
   * one, the delivery is dead, and the queue stays with this process. False when the queue is another's by now: then nothing is stored.
   */
  async settleFailed(
    queue: ClaimedQueue,
    delivery: WaitingDelivery,
    attempt: WebhookAttempt,
    pauseMs: number | undefined,
  ): Promise<boolean> {
    const { rowCount } = await this.#database.system.query({
      name: 'webhooks-failed',
      text: `with fence as (
          update webhooks.queues
          set due_at = coalesce(clock_timestamp() + $7::float8 * interval '1 millisecond', due_at),
            lease_until = case when $7::float8 is null then lease_until end
          where ${mine} returning 1
        )
        update webhooks.deliveries delivery
        set state = case when $7::float8 is null then 'dead' else 'waiting' end,
          settled_at = case when $7::float8 is null then clock_timestamp() end, ${addAttempt('$6::jsonb')}
        where delivery.project_id = $1 and delivery.endpoint_id = $2 and delivery.id = $5
          and ${place('$3', '$8::bigint')} and delivery.state = 'waiting' and exists (select from fence)`,
      values: [...keyOf(queue), delivery.id, JSON.stringify(attempt), pauseMs ?? null, delivery.position],
    })
    return rowCount > 0
  }

  close(): Promise<void> {
    return this.#delivered.close()
  }
}

function keyOf({ projectId, endpointId, resource, generation }: ClaimedQueue): string[] {
  return [projectId, endpointId, resource, generation]
}
