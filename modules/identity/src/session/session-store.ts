import type { Platform } from '@parley/contracts'
import type { Queryable } from '@parley/core/store'
import type { KickReason } from '../device/device-policy.ts'

export interface SessionRecord {
  projectId: string
  userId: string
  sessionId: string
  deviceId: string
  platform: Platform
}

export interface LiveSession extends SessionRecord {
  processId: string
  /** Milliseconds since the epoch, with fractions, by the clock of the database. */
  openedAt: number
}

export interface UserRef {
  projectId: string
  userId: string
}

export interface Kick {
  processId: string
  sessionId: string
  reason: KickReason | 'removed'
}

interface LiveRow {
  project_id: string
  user_id: string
  session_id: string
  device_id: string
  platform: Platform
  process_id: string
  opened_at: number
}

/** A session counts while it is not kicked and the lease of its process runs. */
const live = `s.kicked is null and exists (
  select from identity.processes p where p.process_id = s.process_id and p.lease_until > now())`

const liveColumns = `s.project_id, s.user_id, s.session_id, s.device_id, s.platform, s.process_id,
  (extract(epoch from s.opened_at) * 1000)::float8 as opened_at`

/** The table of connections over all processes, written and read for many sessions at a time. */
export class SessionStore {
  readonly #queryable: Queryable
  readonly #processId: string

  constructor(queryable: Queryable, processId: string) {
    this.#queryable = queryable
    this.#processId = processId
  }

  async insert(records: readonly SessionRecord[]): Promise<void> {
    await this.#queryable.query({
      name: 'identity-insert-sessions',
      text: `insert into identity.sessions (project_id, user_id, session_id, device_id, platform, process_id)
        select project_id, user_id, session_id, device_id, platform, $6
        from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
          as opened(project_id, user_id, session_id, device_id, platform)
        on conflict do nothing`,
      values: [...columnsOf(records), this.#processId],
    })
  }

  /** The live sessions of these users on every process. */
  async liveOf(users: readonly UserRef[]): Promise<LiveSession[]> {
    const { rows } = await this.#queryable.query<LiveRow>({
      name: 'identity-live-sessions',
      text: `select ${liveColumns} from unnest($1::text[], $2::text[]) as wanted(project_id, user_id)
        join identity.sessions s using (project_id, user_id) where ${live}`,
      values: [users.map((user) => user.projectId), users.map((user) => user.userId)],
    })
    return rows.map(toLive)
  }

  /** Marks sessions as kicked and answers where those run that were not marked before. */
  async kick(kicks: readonly (UserRef & { sessionId: string; reason: Kick['reason'] })[]): Promise<Kick[]> {
    const { rows } = await this.#queryable.query<{
      process_id: string
      session_id: string
      kicked: Kick['reason']
    }>({
      name: 'identity-kick-sessions',
      text: `update identity.sessions s set kicked = k.reason
        from unnest($1::text[], $2::text[], $3::text[], $4::text[]) as k(project_id, user_id, session_id, reason)
        where s.project_id = k.project_id and s.user_id = k.user_id and s.session_id = k.session_id
          and s.kicked is null
        returning s.process_id, s.session_id, s.kicked`,
      values: [
        kicks.map((kick) => kick.projectId),
        kicks.map((kick) => kick.userId),
        kicks.map((kick) => kick.sessionId),
        kicks.map((kick) => kick.reason),
      ],
    })
    return rows.map((row) => ({
      processId: row.process_id,
      sessionId: row.session_id,
      reason: row.kicked,
    }))
  }

  /** Sessions of this process that another one has kicked. */
  async kickedHere(): Promise<Kick[]> {
    const { rows } = await this.#queryable.query<{ session_id: string; kicked: Kick['reason'] }>({
      name: 'identity-kicked-here',
      text: 'select session_id, kicked from identity.sessions where process_id = $1 and kicked is not null',
      values: [this.#processId],
    })
    return rows.map((row) => ({
      processId: this.#processId,
      sessionId: row.session_id,
      reason: row.kicked,
    }))
  }

  /** Deletes sessions and writes down when their users and devices were last seen. */
  async remove(records: readonly SessionRecord[]): Promise<void> {
    await this.#queryable.query({
      name: 'identity-remove-sessions',
      text: `with gone as (
          select * from unnest($1::text[], $2::text[], $3::text[], $4::text[])
            as gone(project_id, user_id, session_id, device_id)
        ), removed as (
          delete from identity.sessions s using gone
          where s.project_id = gone.project_id and s.user_id = gone.user_id and s.session_id = gone.session_id
        ), ${lastSeenOf('gone')}
        select`,
      values: columnsOf(records).slice(0, 4),
    })
  }

  /** Extends the lease of this process. False when the lease was lost: its sessions must be written again. */
  async extendLease(leaseMs: number): Promise<boolean> {
    const { rowCount } = await this.#queryable.query({
      name: 'identity-extend-lease',
      text: `update identity.processes set lease_until = now() + make_interval(secs => $2::float8 / 1000)
        where process_id = $1`,
      values: [this.#processId, leaseMs],
    })
    return rowCount > 0
  }

  async takeLease(leaseMs: number): Promise<void> {
    await this.#queryable.query({
      text: `insert into identity.processes (process_id, lease_until)
        values ($1, now() + make_interval(secs => $2::float8 / 1000))
        on conflict (process_id) do update set lease_until = excluded.lease_until`,
      values: [this.#processId, leaseMs],
    })
  }

  /** Ends the leases that ran out, and this process's own when it closes; answers the users whose sessions went. */
  async endLeases(which: 'expired' | 'own'): Promise<UserRef[]> {
    const condition = which === 'expired' ? 'lease_until < now() and process_id <> $1' : 'process_id = $1'
    const { rows } = await this.#queryable.query<{ project_id: string; user_id: string }>({
      name: `identity-end-leases-${which}`,
      text: `with ended as (
          delete from identity.processes where ${condition} returning process_id
        ), gone as (
          delete from identity.sessions s using ended where s.process_id = ended.process_id
          returning s.project_id, s.user_id, s.device_id
        ), ${lastSeenOf('gone')}
        select distinct project_id, user_id from gone`,
      values: [this.#processId],
    })
    return rows.map((row) => ({ projectId: row.project_id, userId: row.user_id }))
  }
}

/**
 * Statements of a WITH that note users and devices as seen now. Rows are taken in key order, so that two processes
 * which lose the same users do not wait for each other in a circle.
 */
function lastSeenOf(gone: string): string {
  return `seen as (
      insert into identity.last_seen (project_id, user_id, last_seen_at)
      select distinct project_id collate "C", user_id collate "C", now() from ${gone} order by 1, 2
      on conflict (project_id, user_id) do update
        set last_seen_at = greatest(identity.last_seen.last_seen_at, excluded.last_seen_at)
    ), seen_devices as (
      update identity.devices d set last_seen_at = now() from ${gone}
      where d.project_id = ${gone}.project_id and d.user_id = ${gone}.user_id and d.device_id = ${gone}.device_id
    )`
}

function columnsOf(records: readonly SessionRecord[]): string[][] {
  return [
    records.map((record) => record.projectId),
    records.map((record) => record.userId),
    records.map((record) => record.sessionId),
    records.map((record) => record.deviceId),
    records.map((record) => record.platform),
  ]
}

function toLive(row: LiveRow): LiveSession {
  return {
    projectId: row.project_id,
    userId: row.user_id,
    sessionId: row.session_id,
    deviceId: row.device_id,
    platform: row.platform,
    processId: row.process_id,
    openedAt: row.opened_at,
  }
}
