import { newId, type PushProvider, type PushReceipt } from '@parley/contracts'
import { decodeCursor, type PageRequest, toPage } from '@parley/core/pages'
import type { Database, ProjectScope, Queryable } from '@parley/core/store'
import type { Notification, PushFailureReason } from '../adapter.ts'
import type { SuppressionReason } from '../preference/decision.ts'

/** One push to one device, or why a user is left out. */
export interface NewDelivery {
  sourceId: string
  conversationId?: string
  seq?: number
  userId: string
  /** Absent: the user is left out. */
  deviceId?: string
  provider?: PushProvider
  suppressed?: SuppressionReason
  notification?: Notification
  expiresAtMs: number
}

/** A delivery that is due, with the device as it is now. */
export interface DueDelivery {
  projectId: string
  id: string
  sourceId: string
  conversationId: string | undefined
  seq: number | undefined
  userId: string
  deviceId: string
  notification: Notification
  attempt: number
  expiresAtMs: number
  /** Absent: the device is registered no longer. */
  device: { provider: PushProvider; token: string } | undefined
}

export interface DueDevice {
  userId: string
  deviceId: string
  provider: PushProvider
  language: string | undefined
}

interface DueRow {
  project_id: string
  id: string
  source_id: string
  conversation_id: string | null
  seq: string | number | null
  user_id: string
  device_id: string
  notification: Notification
  attempt_count: number
  expires_at: Date
  provider: PushProvider | null
  token: string | null
}

interface ReceiptRow {
  id: string
  source_id: string
  conversation_id: string | null
  seq: string | number | null
  user_id: string
  device_id: string
  provider: PushProvider | null
  state: PushReceipt['state']
  reason: PushReceipt['reason'] | null
  detail: string | null
  attempt_count: number
  created_at: Date
  settled_at: Date | null
  delivered_at: Date | null
  opened_at: Date | null
}

export type Settlement =
  | { state: 'sent'; detail?: string | undefined }
  | { state: 'failed'; reason: PushFailureReason; detail?: string | undefined }
  | { state: 'suppressed'; reason: SuppressionReason; detail?: undefined }

/** Pushes, from the decision to what became of them. */
export class DeliveryStore {
  readonly #database: Database
  readonly #leaseMs: number

  constructor(database: Database, leaseMs: number) {
    this.#database = database
    this.#leaseMs = leaseMs
  }

  /** What is there already, from an earlier look at the same source, stays as it is. */
  async add(tx: Queryable, projectId: string, deliveries: readonly NewDelivery[]): Promise<void> {
    if (deliveries.length === 0) return
    const rows = deliveries.map((delivery) => ({
      id: newId('push'),
      source_id: delivery.sourceId,
      conversation_id: delivery.conversationId ?? null,
      seq: delivery.seq ?? null,
      user_id: delivery.userId,
      device_id: delivery.deviceId ?? '',
      provider: delivery.provider ?? null,
      state: delivery.suppressed === undefined ? 'waiting' : 'suppressed',
      reason: delivery.suppressed ?? null,
      notification: delivery.notification ?? null,
      expires_at: new Date(delivery.expiresAtMs).toISOString(),
    }))
    await tx.query({
      name: 'push-add-deliveries',
      text: `insert into push.deliveries (project_id, id, source_id, conversation_id, seq, user_id, device_id,
          provider, state, reason, notification, expires_at, settled_at)
        select $1, id, source_id, conversation_id, seq, user_id, device_id, provider, state, reason, notification,
          expires_at, case when state = 'suppressed' then clock_timestamp() end
        from jsonb_to_recordset($2::jsonb) as k (id text, source_id text, conversation_id text, seq bigint,
          user_id text, device_id text, provider text, state text, reason text, notification jsonb,
          expires_at timestamptz)
        on conflict do nothing`,
      values: [projectId, JSON.stringify(rows)],
    })
  }

  /** Devices of these users. */
  async devicesOf(queryable: Queryable, projectId: string, userIds: readonly string[]): Promise<DueDevice[]> {
    const { rows } = await queryable.query<{
      user_id: string
      device_id: string
      provider: PushProvider
      language: string | null
    }>({
      name: 'push-devices-of',
      text: `select user_id, device_id, provider, language from push.devices
        where project_id = $1 and user_id = any($2::text[]) order by user_id, device_id`,
      values: [projectId, userIds],
    })
    return rows.map((row) => ({
      userId: row.user_id,
      deviceId: row.device_id,
      provider: row.provider,
      language: row.language ?? undefined,
    }))
  }

  /** `busy` names project and provider, as `targetOf` does. */
  async claim(limit: number, busy: readonly string[]): Promise<DueDelivery[]> {
    const { rows } = await this.#database.system.query<DueRow>({
      name: 'push-claim',
      text: `with due as (
          select project_id, id from push.deliveries
          where state = 'waiting' and due_at <= clock_timestamp()
            and (project_id || '/' || provider) <> all($3::text[])
          order by due_at limit $1 for update skip locked
        ), claimed as (
          update push.deliveries d set due_at = clock_timestamp() + $2 * interval '1 millisecond',
            attempt_count = d.attempt_count + 1
          from due where d.project_id = due.project_id and d.id = due.id
          returning d.*
        )
        select c.project_id, c.id, c.source_id, c.conversation_id, c.seq, c.user_id, c.device_id, c.notification,
          c.attempt_count, c.expires_at, v.provider, v.token
        from claimed c left join push.devices v using (project_id, user_id, device_id)`,
      values: [limit, this.#leaseMs, busy],
    })
    return rows.map((row) => ({
      projectId: row.project_id,
      id: row.id,
      sourceId: row.source_id,
      conversationId: row.conversation_id ?? undefined,
      seq: row.seq === null ? undefined : Number(row.seq),
      userId: row.user_id,
      deviceId: row.device_id,
      notification: row.notification,
      attempt: row.attempt_count,
      expiresAtMs: row.expires_at.getTime(),
      device:
        row.provider === null || row.token === null
          ? undefined
          : { provider: row.provider, token: row.token },
    }))
  }

  async nextDueMs(): Promise<number | undefined> {
    const { rows } = await this.#database.system.query<{ ms: number | null }>({
      name: 'push-next-due',
      text: `select (extract(epoch from min(due_at) - clock_timestamp()) * 1000)::float8 as ms
        from push.deliveries where state = 'waiting'`,
    })
    return rows[0]?.ms ?? undefined
  }

  /** The end of a push; its content is kept no longer. Whoever lost it to another process changes nothing. */
  async settle(delivery: DueDelivery, settlement: Settlement): Promise<void> {
    await this.#database.system.query({
      name: 'push-settle',
      text: `update push.deliveries set state = $4, reason = $5, detail = $6, notification = null,
          settled_at = clock_timestamp()
        where project_id = $1 and id = $2 and attempt_count = $3 and state = 'waiting'`,
      values: [
        ...[delivery.projectId, delivery.id, delivery.attempt, settlement.state],
        settlement.state === 'sent' ? null : settlement.reason,
        storable(settlement.detail),
      ],
    })
  }

  async retryLater(delivery: DueDelivery, pauseMs: number, detail: string): Promise<void> {
    await this.#database.system.query({
      name: 'push-retry',
      text: `update push.deliveries set due_at = clock_timestamp() + $4 * interval '1 millisecond', detail = $5
        where project_id = $1 and id = $2 and attempt_count = $3 and state = 'waiting'`,
      values: [delivery.projectId, delivery.id, delivery.attempt, pauseMs, storable(detail)],
    })
  }

  /** What became of pushes, the latest first. Throws `invalid-cursor`. */
  async receipts(
    project: ProjectScope,
    query: PageRequest & {
      messageId?: string | undefined
      batchId?: string | undefined
      userId?: string | undefined
    },
  ) {
    const { rows } = await project.query<ReceiptRow>({
      text: `select id, source_id, conversation_id, seq, user_id, device_id, provider, state, reason, detail,
          attempt_count, created_at, settled_at, delivered_at, opened_at
        from push.deliveries
        where project_id = $1 and ($2::text is null or source_id = $2) and ($3::text is null or source_id = $3)
          and ($4::text is null or user_id = $4) and ($5::text is null or id < $5 collate "C")
        order by id collate "C" desc limit $6`,
      values: [
        ...[project.projectId, query.messageId ?? null, query.batchId ?? null, query.userId ?? null],
        ...[decodeCursor(query.cursor) ?? null, query.limit + 1],
      ],
    })
    return toPage(rows, query.limit, { keyOf: (row) => row.id, itemOf: toReceipt })
  }

  /** Notes what devices of the user say; what was opened was delivered. Answers how many pushes were theirs. */
  async report(
    project: ProjectScope,
    userId: string,
    items: readonly { pushId: string; event: 'delivered' | 'opened' }[],
  ): Promise<number> {
    const { rowCount } = await project.query({
      text: `update push.deliveries d set delivered_at = coalesce(d.delivered_at, clock_timestamp()),
          opened_at = case when k.opened then coalesce(d.opened_at, clock_timestamp()) else d.opened_at end
        from (select id, bool_or(event = 'opened') as opened
          from unnest($3::text[], $4::text[]) as given (id, event) group by id) k
        where d.project_id = $1 and d.user_id = $2 and d.id = k.id and d.device_id <> ''`,
      values: [project.projectId, userId, items.map((item) => item.pushId), items.map((item) => item.event)],
    })
    return rowCount
  }

  /** Removes what was settled so long ago, in bounded steps. */
  async forget(keepDays: number): Promise<void> {
    for (;;) {
      const { rowCount } = await this.#database.system.query({
        text: `delete from push.deliveries where (project_id, id) in (
            select project_id, id from push.deliveries
            where created_at < now() - $1 * interval '1 day' and (state <> 'waiting' or expires_at < now()) limit 2000)`,
        values: [keepDays],
      })
      if (rowCount < 2000) return
    }
  }
}

/** What the limit for one push service of one project is counted by. */
export function targetOf({ projectId, device }: DueDelivery): string {
  return `${projectId}/${device?.provider ?? ''}`
}

const storable = (text: string | undefined): string | null =>
  text === undefined ? null : text.replaceAll('\u0000', '').toWellFormed().slice(0, 500)

function toReceipt(row: ReceiptRow): PushReceipt {
  const ofMessage = row.conversation_id !== null
  return {
    pushId: row.id,
    ...(ofMessage ? { messageId: row.source_id } : { batchId: row.source_id }),
    ...(row.conversation_id !== null && { conversationId: row.conversation_id }),
    ...(row.seq !== null && { seq: Number(row.seq) }),
    userId: row.user_id,
    ...(row.device_id !== '' && { deviceId: row.device_id }),
    ...(row.provider !== null && { provider: row.provider }),
    state: row.state,
    ...(row.reason !== null && { reason: row.reason }),
    ...(row.detail !== null && { detail: row.detail }),
    attemptCount: row.attempt_count,
    createdAt: row.created_at.toISOString(),
    ...(row.settled_at !== null && { settledAt: row.settled_at.toISOString() }),
    ...(row.delivered_at !== null && { deliveredAt: row.delivered_at.toISOString() }),
    ...(row.opened_at !== null && { openedAt: row.opened_at.toISOString() }),
  }
}
