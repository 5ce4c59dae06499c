import type { Platform, Presence } from '@parley/contracts'
import type { Queryable } from '@parley/core/store'
import type { UserRef } from '../session/session-store.ts'

interface PresenceRow {
  index: number
  known: boolean
  platforms: Platform[] | null
  last_seen_at: Date | null
}

export interface KnownPresence extends Presence {
  /** False for an id no user has; such a one is offline. */
  known: boolean
}

/** Reads who is online over all processes, in the order of the users given. */
export async function readPresence(
  queryable: Queryable,
  users: readonly UserRef[],
): Promise<KnownPresence[]> {
  const { rows } = await queryable.query<PresenceRow>({
    name: 'identity-presence',
    text: `select wanted.index::int as index, u.user_id is not null as known, seen.last_seen_at,
        (select array_agg(distinct s.platform order by s.platform) from identity.sessions s
          where s.project_id = wanted.project_id and s.user_id = wanted.user_id and s.kicked is null
            and exists (select from identity.processes p where p.process_id = s.process_id and p.lease_until > now())
        ) as platforms
      from unnest($1::text[], $2::text[]) with ordinality as wanted(project_id, user_id, index)
      left join identity.users u on u.project_id = wanted.project_id and u.user_id = wanted.user_id
      left join identity.last_seen seen on seen.project_id = wanted.project_id and seen.user_id = wanted.user_id`,
    values: [users.map((user) => user.projectId), users.map((user) => user.userId)],
  })
  const byIndex = new Map(rows.map((row) => [row.index, row]))
  return users.map(({ userId }, index) => toPresence(userId, byIndex.get(index + 1)))
}

function toPresence(userId: string, row: PresenceRow | undefined): KnownPresence {
  const platforms = row?.platforms ?? []
  const status = platforms.length > 0 ? 'online' : 'offline'
  const lastSeenAt = status === 'offline' ? row?.last_seen_at : undefined
  return {
    userId,
    status,
    platforms,
    known: row?.known ?? false,
    ...(lastSeenAt && { lastSeenAt: lastSeenAt.toISOString() }),
  }
}
