import type { ObjectService } from '@parley/core/objects'
import { type PersonalData, personalTables } from './personal-data.ts'

/** Tails of other processes have read what is older. */
const toldWithin = '3 seconds'

/** Files of the user, and exports that may hold what the user wrote. */
export function objectPlaces(objects: ObjectService): PersonalData {
  return {
    name: 'objects',
    erase: async (tx, { projectId, userId }) => {
      const files = await objects.releaseOwned(tx, projectId, userId)
      const { rows } = await tx.query<{ object_id: string }>({
        text: 'delete from personal.exports where project_id = $1 returning object_id',
        values: [projectId],
      })
      const exports = await objects.erase(
        tx,
        projectId,
        rows.map((row) => row.object_id),
      )
      return { counts: { 'objects.files': files, exports } }
    },
  }
}

/** What the rooms of core keep. Ledger facts stay, for money was moved, and name the pseudonym. */
export const corePlaces: PersonalData = personalTables('core', [
  {
    place: 'http.idempotency-keys',
    erase: `delete from http.idempotency_keys where ctid = any(array(
      select ctid from http.idempotency_keys where project_id = :project and owner = :user limit :limit))`,
  },
  {
    place: 'webhooks.bodies',
    // What waits still is sent as erased, too.
    erase: `update webhooks.events set body = jsonb_build_object('type', type, 'data', jsonb_build_object('erased', true))::text
      where (project_id, id) in (select project_id, id from webhooks.events
        where project_id = :project and position(:quoted in body) > 0 limit :limit)`,
  },
  {
    place: 'webhooks.resources',
    erase: `update webhooks.deliveries set resource = 'user/' || :pseudonym where ctid = any(array(
      select ctid from webhooks.deliveries where project_id = :project and resource = 'user/' || :user
        and state <> 'waiting' and :user <> :pseudonym limit :limit))`,
  },
  {
    place: 'ledger.facts',
    erase: `update ledger.facts set data = replace(data::text, :quoted, :quotedPseudonym)::jsonb
      where (project_id, id) in (select project_id, id from ledger.facts
        where project_id = :project and position(:quoted in data::text) > 0 and :user <> :pseudonym limit :limit)`,
  },
  {
    place: 'ledger.intervals',
    erase: `update ledger.intervals set subscriber = :pseudonym where (project_id, id) in (
      select project_id, id from ledger.intervals
      where project_id = :project and subscriber = :user and :user <> :pseudonym limit :limit)`,
  },
  {
    place: 'telemetry.points',
    erase: `delete from telemetry.points where ctid = any(array(select ctid from telemetry.points
      where project_id = :project and (subject = :user or position(:quoted in data::text) > 0) limit :limit))`,
  },
  {
    place: 'jobs.dead',
    erase: `delete from jobs.jobs where ctid = any(array(select ctid from jobs.jobs
      where project_id = :project and state = 'dead' and position(:quoted in payload::text) > 0 limit :limit))`,
  },
])

/** Facts that were told: once every durable reader has passed them, they go. Comes last. */
export const outboxPlace: PersonalData = {
  name: 'outbox',
  erase: async (tx, { projectId, userId, pass }) => {
    if (pass === 1) return { counts: {} }
    const values = [projectId, JSON.stringify(userId), `user/${userId}`]
    const named = `project_id = $1 and (resource = $3 or position($2 in data::text) > 0)`
    const { rowCount } = await tx.query({
      text: `delete from outbox.events e where ${named} and occurred_at < now() - interval '${toldWithin}'
        and not exists (select from outbox.consumers
          where (types is null or e.type = any(types)) and not pg_visible_in_snapshot(e.txid, seen))`,
      values,
    })
    const { rows } = await tx.query<{ left: boolean }>({
      text: `select exists (select from outbox.events where ${named}) as left`,
      values,
    })
    return { counts: { 'outbox.events': rowCount }, ...(rows[0]?.left === true && { waitMs: 500 }) }
  },
}
