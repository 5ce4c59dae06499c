import type { Device, Platform } from '@parley/contracts'
import type { ProjectScope, Queryable } from '@parley/core/store'

export interface DeviceRecord {
  projectId: string
  userId: string
  deviceId: string
  platform: Platform
  name?: string | undefined
}

interface DeviceRow {
  device_id: string
  platform: Platform
  name: string | null
  last_seen_at: Date
  created_at: Date
}

/** A device seen within this time is not written again when it connects: reconnects cost no write. */
const seenLately = "interval '1 minute'"

/** Devices that named themselves when they connected. */
export class DeviceStore {
  readonly #queryable: Queryable
  readonly #devicesPerUser: number

  constructor(queryable: Queryable, devicesPerUser: number) {
    this.#queryable = queryable
    this.#devicesPerUser = devicesPerUser
  }

  /** Writes down devices that connect; at most one record of a device may be given. */
  async see(records: readonly DeviceRecord[]): Promise<void> {
    if (records.length === 0) return
    const { rows } = await this.#queryable.query<{ project_id: string; user_id: string; made: boolean }>({
      name: 'identity-see-devices',
      text: `insert into identity.devices as d (project_id, user_id, device_id, platform, name)
        select project_id collate "C", user_id collate "C", device_id collate "C", platform, name
        from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
          as seen(project_id, user_id, device_id, platform, name) order by 1, 2, 3
        on conflict (project_id, user_id, device_id) do update
          set platform = excluded.platform, name = coalesce(excluded.name, d.name), last_seen_at = now()
          where d.last_seen_at < now() - ${seenLately} or d.platform <> excluded.platform
            or d.name is distinct from coalesce(excluded.name, d.name)
        returning project_id, user_id, xmax = 0 as made`,
      values: [
        records.map((record) => record.projectId),
        records.map((record) => record.userId),
        records.map((record) => record.deviceId),
        records.map((record) => record.platform),
        records.map((record) => record.name ?? null),
      ],
    })
    await this.#forgetOldest(rows.filter((row) => row.made))
  }

  async list(scope: ProjectScope, userId: string, onlineDeviceIds: ReadonlySet<string>): Promise<Device[]> {
    const { rows } = await scope.query<DeviceRow>({
      text: `select device_id, platform, name, last_seen_at, created_at from identity.devices
        where project_id = $1 and user_id = $2 order by last_seen_at desc, device_id`,
      values: [scope.projectId, userId],
    })
    return rows.map((row) => ({
      id: row.device_id,
      platform: row.platform,
      ...(row.name !== null && { name: row.name }),
      online: onlineDeviceIds.has(row.device_id),
      lastSeenAt: row.last_seen_at.toISOString(),
      createdAt: row.created_at.toISOString(),
    }))
  }

  async remove(scope: ProjectScope, userId: string, deviceId: string): Promise<boolean> {
    const { rowCount } = await scope.query({
      text: 'delete from identity.devices where project_id = $1 and user_id = $2 and device_id = $3',
      values: [scope.projectId, userId, deviceId],
    })
    return rowCount > 0
  }

  async #forgetOldest(users: readonly { project_id: string; user_id: string }[]): Promise<void> {
    if (users.length === 0) return
    await this.#queryable.query({
      name: 'identity-forget-devices',
      text: `delete from identity.devices d using (
          select project_id, user_id, device_id,
            row_number() over (partition by project_id, user_id order by last_seen_at desc, device_id) as rank
          from (select distinct * from unnest($1::text[], $2::text[]) as u(project_id, user_id)) wanted
          join identity.devices using (project_id, user_id)
        ) ranked
        where ranked.rank > $3 and d.project_id = ranked.project_id and d.user_id = ranked.user_id
          and d.device_id = ranked.device_id`,
      values: [users.map((user) => user.project_id), users.map((user) => user.user_id), this.#devicesPerUser],
    })
  }
}
