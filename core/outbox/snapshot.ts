/**
 * A PostgreSQL snapshot (`pg_snapshot`): which transactions had committed at one moment. Those at or above `end`
 * and those in `running` had not; of the rest all that did not roll back are visible.
 */
export interface Snapshot {
  text: string
  end: bigint
  running: readonly bigint[]
}

/** Sees nothing: no transaction has an id below 3. */
export const emptySnapshot: Snapshot = { text: '1:1:', end: 1n, running: [] }

/** Parses the text form `xmin:xmax:xip,...`. Throws a SyntaxError when it is none. */
export function parseSnapshot(text: string): Snapshot {
  const [start, end, running] = text.split(':')
  if (!start || !end || running === undefined) throw new SyntaxError(`not a snapshot: ${text}`)
  return { text, end: BigInt(end), running: running === '' ? [] : running.split(',').map(BigInt) }
}

/** The same moment, but not seeing one transaction that it may see. */
export function withoutTransaction(snapshot: Snapshot, transaction: bigint): Snapshot {
  const end = snapshot.end > transaction ? snapshot.end : transaction + 1n
  // Ids from the old end up to the new one had not committed either.
  const running = new Set(snapshot.running)
  for (let id = snapshot.end; id < end; id++) running.add(id)
  running.add(transaction)
  return fromParts(end, running)
}

/** The same moment, seeing one more transaction. */
export function withTransaction(snapshot: Snapshot, transaction: bigint): Snapshot {
  const without = withoutTransaction(snapshot, transaction)
  return fromParts(
    without.end,
    without.running.filter((id) => id !== transaction),
  )
}

function fromParts(end: bigint, ids: Iterable<bigint>): Snapshot {
  const running = [...ids].sort((left, right) => (left < right ? -1 : left > right ? 1 : 0))
  return { text: `${running[0] ?? end}:${end}:${running.join(',')}`, end, running }
}
