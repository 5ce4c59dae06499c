import type { Database } from '@parley/core/store'
import { StoreError } from '@parley/core/store'
import type pg from 'pg'

/** There from the first change of a restore to its last. */
export const unfinishedSchema = 'parley_restore'

export async function markBegun(client: pg.Client, backupId: string): Promise<void> {
  await client.query(`create schema if not exists ${unfinishedSchema}`)
  await client.query(`comment on schema ${unfinishedSchema} is ${client.escapeLiteral(backupId)}`)
}

export async function restoreBegun(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ begun: boolean }>('select to_regnamespace($1) is not null as begun', [
    unfinishedSchema,
  ])
  return rows[0]?.begun ?? false
}

/** A server must not begin to live on half of a restore. Throws a StoreError. */
export async function refuseUnfinishedRestore(database: Database): Promise<void> {
  const { rows } = await database.system.query<{ begun: boolean }>({
    text: 'select to_regnamespace($1) is not null as begun',
    values: [unfinishedSchema],
  })
  if (rows[0]?.begun)
    throw new StoreError('A restore into this database has not ended. Run parley restore again to finish it.')
}
