import type { Logger } from '@parley/core/kernel'
import type { Database, Transaction } from '@parley/core/store'
import { parseSnapshot, withoutTransaction, withTransaction } from './snapshot.ts'

/**
 * Transaction ids mean something within one cluster only. When the tables came here from another (dump and
 * restore), every event is given to one transaction of this cluster, and each cursor is put in front of the first
 * position it had not handled. Some events may come a second time, none is lost. Answers the epoch: the name of this
 * line of history, a new one after each move.
 */
export async function adoptHistory(database: Database, logger: Logger): Promise<string> {
  const { adopted, epoch } = await database.system.transaction(async (tx) => {
    await tx.query({ text: 'lock table outbox.history in exclusive mode' })
    const { rows } = await tx.query<{ here: string; stored: string | null; epoch: string | null }>({
      text: `select cluster.system_identifier::text as here, history.system_identifier as stored, history.epoch
        from pg_control_system() cluster left join outbox.history on true`,
    })
    const { here, stored, epoch: known } = rows[0] ?? { here: '', stored: null, epoch: null }
    if (stored === here && known !== null) return { adopted: false, epoch: known }
    const begun = await tx.query<{ epoch: string }>({
      text: `insert into outbox.history (system_identifier) values ($1)
        on conflict (singleton) do update set system_identifier = excluded.system_identifier, epoch = excluded.epoch
        returning epoch`,
      values: [here],
    })
    if (stored !== null) await rewrite(tx)
    return { adopted: stored !== null, epoch: begun.rows[0]?.epoch ?? '' }
  })
  if (adopted)
    logger.warn('the outbox came from another database cluster; its cursors were reset by position')
  return epoch
}

async function rewrite(tx: Transaction): Promise<void> {
  await tx.query({ text: 'lock table outbox.events, outbox.consumers in exclusive mode' })
  const handled = await tx.query<{ name: string; position: string }>({
    text: `select consumer.name, coalesce(
        (select min(event.position + 0) - 1 from outbox.events event
          where not pg_visible_in_snapshot(event.txid, consumer.seen)
            and (consumer.until is null or event.position > consumer.position
              or not pg_visible_in_snapshot(event.txid, consumer.until))),
        (select max(position) from outbox.events), 0)::text as position
      from outbox.consumers consumer`,
  })
  await tx.query({ text: 'update outbox.events set txid = pg_current_xact_id()' })
  const { rows } = await tx.query<{ own: string; snapshot: string }>({
    text: 'select pg_current_xact_id()::text as own, pg_current_snapshot()::text as snapshot',
  })
  const own = BigInt(rows[0]?.own ?? '')
  const snapshot = parseSnapshot(rows[0]?.snapshot ?? '')
  for (const { name, position } of handled.rows) {
    await tx.query({
      text: `update outbox.consumers
        set seen = $2::pg_snapshot, until = $3::pg_snapshot, position = $4::bigint, holder = null,
          lease_until = null, generation = generation + 1
        where name = $1`,
      values: [name, withoutTransaction(snapshot, own).text, withTransaction(snapshot, own).text, position],
    })
  }
}
