import type { Outbox } from '@parley/core/outbox'
import { type PersonalData, personalTables } from '@parley/core/personal-data'
import type { MasterKey } from '@parley/core/secrets'
import type { Transaction } from '@parley/core/store'
import { erasedUserHashes } from './erased-users.ts'

/** Every process has heard of a revocation after so long. */
const cutWithin = '2 seconds'

const tables = personalTables('identity', [
  {
    place: 'identity.profile',
    select: `select jsonb_build_object('userId', user_id, 'name', name, 'avatarUrl', avatar_url, 'custom', custom,
        'createdAt', created_at) as record
      from identity.users where project_id = :project and user_id = :user`,
  },
  {
    place: 'identity.devices',
    select: `select jsonb_build_object('deviceId', device_id, 'platform', platform, 'name', name,
        'lastSeenAt', last_seen_at, 'createdAt', created_at) as record
      from identity.devices where project_id = :project and user_id = :user order by device_id`,
    erase: 'delete from identity.devices where project_id = :project and user_id = :user',
  },
  {
    place: 'identity.last-seen',
    erase: 'delete from identity.last_seen where project_id = :project and user_id = :user',
  },
  {
    place: 'identity.sessions',
    erase: 'delete from identity.sessions where project_id = :project and user_id = :user',
  },
])

/** Profile, devices and sessions. Tokens end with the first step, so that nothing new arrives while the rest goes. */
export function identityPersonalData({
  outbox,
  masterKey,
}: {
  outbox: Pick<Outbox, 'append'>
  masterKey: MasterKey
}): PersonalData {
  return {
    ...tables,
    erase: async (tx, call) => {
      const { projectId, userId, pass, checkpoint } = call
      if (checkpoint !== undefined) {
        const step = await tables.erase?.(tx, { ...call, checkpoint })
        return step ?? { counts: {} }
      }
      if (pass === 1) {
        const revoked = await revoke(tx, projectId, userId, erasedUserHashes(masterKey, projectId, userId))
        await tell(tx, projectId, userId)
        return { counts: { 'identity.profile': revoked }, checkpoint: 0 }
      }
      const { rows } = await tx.query<{ waiting: boolean }>({
        text: `select not_before > clock_timestamp() - interval '${cutWithin}' as waiting from identity.users
          where project_id = $1 and user_id = $2`,
        values: [projectId, userId],
      })
      if (rows[0]?.waiting === true) return { counts: {}, waitMs: 500 }
      const { rowCount } = await tx.query({
        text: 'delete from identity.users where project_id = $1 and user_id = $2',
        values: [projectId, userId],
      })
      // Processes forget that the user exists.
      if (rowCount > 0) await tell(tx, projectId, userId)
      return { counts: { 'identity.users': rowCount }, checkpoint: 0 }
    },
  }

  function tell(tx: Transaction, projectId: string, userId: string): Promise<void> {
    const resource = `user/${userId}`
    return outbox.append(tx, [{ projectId, resource, type: 'user.tokens-revoked', data: { userId } }])
  }
}

async function revoke(
  tx: Transaction,
  projectId: string,
  userId: string,
  [hash]: readonly string[],
): Promise<number> {
  // The later of both clocks, as tokens are minted by the clock of this machine.
  const { rows } = await tx.query<{ not_before: Date }>({
    text: `update identity.users
      set not_before = greatest(not_before, clock_timestamp(), to_timestamp($3)), name = null, avatar_url = null,
        custom = null
      where project_id = $1 and user_id = $2 returning not_before`,
    values: [projectId, userId, Date.now() / 1000],
  })
  const erasedAt = rows[0]?.not_before ?? new Date()
  await tx.query({
    text: `insert into identity.erased_users (project_id, user_hash, erased_at) values ($1, $2, $3)
      on conflict (project_id, user_hash) do update set erased_at = excluded.erased_at`,
    values: [projectId, hash, erasedAt],
  })
  return rows.length
}
