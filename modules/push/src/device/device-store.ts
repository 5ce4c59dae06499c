import { createHash } from 'node:crypto'
import { AppError, type PushDevice, type PushProvider } from '@parley/contracts'
import type { ProjectScope, Queryable } from '@parley/core/store'

export interface Registration {
  userId: string
  deviceId: string
  provider: PushProvider
  /** The token; of web push the subscription as JSON. */
  token: string
  /** What tells one token from another; of web push the endpoint. */
  identity: string
  language?: string | undefined
  timeZone?: string | undefined
}

interface DeviceRow {
  user_id: string
  device_id: string
  provider: PushProvider
  language: string | null
  time_zone: string | null
  registered_at: Date
}

const columns = 'user_id, device_id, provider, language, time_zone, registered_at'

/** How the devices of users are reached. */
export class DeviceStore {
  readonly #devicesPerUser: number

  constructor(devicesPerUser: number) {
    this.#devicesPerUser = devicesPerUser
  }

  /** Takes the token from whoever had it. */
  async put(project: ProjectScope, registration: Registration): Promise<PushDevice> {
    const { userId, deviceId, provider, token, identity, language, timeZone } = registration
    const { projectId } = project
    const hash = hashOf(provider, identity)
    return project.transaction(async (tx) => {
      // Two users who name the same token at the same moment come one after the other.
      await tx.query({
        text: `select pg_advisory_xact_lock(hashtextextended($1, 0))`,
        values: [`push-token/${projectId}/${hash.toString('hex')}`],
      })
      await tx.query({
        text: `delete from push.devices
          where project_id = $1 and token_hash = $2 and (user_id, device_id) <> ($3, $4)`,
        values: [projectId, hash, userId, deviceId],
      })
      const { rows } = await tx.query<DeviceRow>({
        text: `insert into push.devices
            (project_id, user_id, device_id, provider, token, token_hash, language, time_zone)
          values ($1, $2, $3, $4, $5, $6, $7, $8)
          on conflict (project_id, user_id, device_id) do update
            set provider = excluded.provider, token = excluded.token, token_hash = excluded.token_hash,
              language = excluded.language, time_zone = excluded.time_zone, registered_at = now()
          returning ${columns}`,
        values: [projectId, userId, deviceId, provider, token, hash, language ?? null, timeZone ?? null],
      })
      await tx.query({
        text: `delete from push.devices d using (
            select device_id, row_number() over (order by registered_at desc, device_id) as rank
            from push.devices where project_id = $1 and user_id = $2
          ) ranked
          where d.project_id = $1 and d.user_id = $2 and d.device_id = ranked.device_id and ranked.rank > $3`,
        values: [projectId, userId, this.#devicesPerUser],
      })
      const [row] = rows
      if (row === undefined) throw new AppError('internal-error')
      return toDevice(row)
    })
  }

  async list(project: ProjectScope, userId: string): Promise<PushDevice[]> {
    const { rows } = await project.query<DeviceRow>({
      text: `select ${columns} from push.devices where project_id = $1 and user_id = $2
        order by registered_at desc, device_id`,
      values: [project.projectId, userId],
    })
    return rows.map(toDevice)
  }

  async remove(project: ProjectScope, userId: string, deviceId: string): Promise<boolean> {
    const { rowCount } = await project.query({
      text: 'delete from push.devices where project_id = $1 and user_id = $2 and device_id = $3',
      values: [project.projectId, userId, deviceId],
    })
    return rowCount > 0
  }

  /** The service says that the token is dead. One that was registered again since `sinceMs` stays. */
  async forget(
    queryable: Queryable,
    projectId: string,
    device: { userId: string; deviceId: string; token: string; sinceMs?: number | undefined },
  ): Promise<void> {
    await queryable.query({
      text: `delete from push.devices
        where project_id = $1 and user_id = $2 and device_id = $3 and token = $4
          and ($5::double precision is null or registered_at <= to_timestamp($5::double precision / 1000))`,
      values: [projectId, device.userId, device.deviceId, device.token, device.sinceMs ?? null],
    })
  }
}

function hashOf(provider: PushProvider, identity: string): Buffer {
  return createHash('sha256').update(`${provider}\n${identity}`).digest()
}

function toDevice(row: DeviceRow): PushDevice {
  return {
    deviceId: row.device_id,
    userId: row.user_id,
    provider: row.provider,
    ...(row.language !== null && { language: row.language }),
    ...(row.time_zone !== null && { timeZone: row.time_zone }),
    registeredAt: row.registered_at.toISOString(),
  }
}
