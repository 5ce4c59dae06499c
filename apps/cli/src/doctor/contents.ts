import { endSession, openSession } from '@parley/core/backup'
import { readSettings } from '@parley/core/kernel'
import { readConnectionFile, storeSettings } from '@parley/core/store'
import type pg from 'pg'
import { answers } from '../installation-data.ts'
import { type Check, type Finding, fine, lacking, problem } from './finding.ts'

const oldestVersion = 15
const clockToleranceMs = 5_000

/** What only the database can tell, where one runs: its version and clock, what waits in it, what push can use. */
export const checkContents: Check = async ({ installation }) => {
  const { databaseUrl } = readSettings(storeSettings, installation.source)
  const url = databaseUrl ?? readConnectionFile(installation.dataDir)?.url
  if (url === undefined || !(await answers(url))) return []
  const client = await openSession(url)
  try {
    return [
      await server(client),
      await clock(client),
      ...(await unfinishedRestore(client)),
      ...(await deadLetters(client)),
      ...(await pushProviders(client)),
    ]
  } finally {
    await endSession(client)
  }
}

async function server(client: pg.Client): Promise<Finding> {
  const { rows } = await client.query<{ number: string; version: string; encoding: string; free: number }>(
    `select current_setting('server_version_num') as number, current_setting('server_version') as version,
      current_setting('server_encoding') as encoding,
      current_setting('max_connections')::int - (select count(*)::int from pg_stat_activity) as free`,
  )
  const { number = '0', version = '', encoding = '', free = 0 } = rows[0] ?? {}
  const name = 'Database server'
  if (Math.floor(Number(number) / 10_000) < oldestVersion)
    return problem(name, `PostgreSQL ${version} is too old`, `Use PostgreSQL ${oldestVersion} or later`)
  if (encoding !== 'UTF8') return problem(name, `its encoding is ${encoding}`, 'Make the database with UTF8')
  if (free < 10)
    return lacking(
      name,
      `PostgreSQL ${version}, ${free} connections left`,
      'Raise max_connections of PostgreSQL',
    )
  return fine(name, `PostgreSQL ${version}, ${free} connections left`)
}

async function clock(client: pg.Client): Promise<Finding> {
  const before = Date.now()
  const { rows } = await client.query<{ now: number }>(
    'select (extract(epoch from clock_timestamp()) * 1000)::float8 as now',
  )
  const skewMs = Math.round((rows[0]?.now ?? 0) - (before + Date.now()) / 2)
  const name = 'Database clock'
  if (Math.abs(skewMs) <= clockToleranceMs)
    return fine(name, `within ${clockToleranceMs / 1_000} s of this machine`)
  return problem(name, `differs from this machine by ${(skewMs / 1_000).toFixed(1)} s`, 'Synchronise both')
}

async function unfinishedRestore(client: pg.Client): Promise<Finding[]> {
  const { rows } = await client.query<{ begun: boolean }>(
    `select to_regnamespace('parley_restore') is not null as begun`,
  )
  if (!rows[0]?.begun) return []
  return [problem('Restore', 'one has not ended, so no server starts', 'Run parley restore again')]
}

async function deadLetters(client: pg.Client): Promise<Finding[]> {
  if (!(await isTable(client, 'webhooks.deliveries'))) return []
  const { rows } = await client.query<{ dead: number; disabled: number }>(
    `select (select count(*)::int from webhooks.deliveries where state = 'dead') as dead,
      (select count(*)::int from webhooks.endpoints where not enabled and disabled_reason = 'gone') as disabled`,
  )
  const { dead = 0, disabled = 0 } = rows[0] ?? {}
  const name = 'Webhooks'
  if (dead === 0 && disabled === 0) return [fine(name, 'none was given up')]
  const told = [
    ...(dead > 0 ? [`${dead} deliveries were given up`] : []),
    ...(disabled > 0 ? [`${disabled} endpoints answered 410 and are off`] : []),
  ]
  return [
    lacking(
      name,
      told.join(', '),
      'GET /v1/webhooks/{id}/deliveries?state=dead, mend the receiver, then replay',
    ),
  ]
}

async function pushProviders(client: pg.Client): Promise<Finding[]> {
  if (!(await isTable(client, 'push.providers'))) return []
  const { rows } = await client.query<{ provider: string; without: number }>(
    `select device.provider, count(*)::int as without from push.devices device
      where not exists (select from push.providers known
        where known.project_id = device.project_id and known.provider = device.provider)
      group by device.provider order by 1`,
  )
  if (rows.length === 0) return [fine('Push', 'every registered device has the credentials of its provider')]
  const told = rows.map(({ provider, without }) => `${without} devices of ${provider}`).join(', ')
  return [lacking('Push', `${told} lack the credentials of their provider`, 'PUT them: docs/guides/push.md')]
}

async function isTable(client: pg.Client, name: string): Promise<boolean> {
  const { rows } = await client.query<{ there: boolean }>('select to_regclass($1) is not null as there', [
    name,
  ])
  return rows[0]?.there ?? false
}
