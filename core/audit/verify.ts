import type { MasterKey } from '@parley/core/secrets'
import type { ProjectScope, Queryable } from '@parley/core/store'
import { type ChainHead, hashEntry, installationChain, openHead, origin } from './chain.ts'
import { type EntryRow, entryColumns, fromRow } from './entry-row.ts'

/** The first place where a chain is not what was written. */
export interface ChainBreak {
  position: number
  /** Of the entry, where there is one. */
  entryId: string | undefined
  reason: string
}

export interface VerifiedChain {
  /** `installation` for what concerns no single project. */
  projectId: string
  entries: number
  /** Hash of the last entry, hex: keep it elsewhere to prove later that nothing before it was taken away. */
  head: string
  broken: ChainBreak | undefined
}

const batch = 1_000

/** Recomputes every chain, as of one moment. `system` sees all projects. */
export function verifyAuditLog(system: ProjectScope, masterKey: MasterKey): Promise<VerifiedChain[]> {
  return system.transaction(async (tx) => {
    await tx.query({ text: 'set transaction isolation level repeatable read, read only' })
    return verifyChains(tx, masterKey)
  })
}

async function verifyChains(system: Queryable, masterKey: MasterKey): Promise<VerifiedChain[]> {
  const { rows } = await system.query<{ project_id: string; sealed_head: Buffer | null }>({
    text: `select coalesce(chain.project_id, entry.project_id) as project_id, chain.sealed_head
      from audit.chains chain
        full join (select distinct project_id from audit.entries) entry on entry.project_id = chain.project_id
      order by 1`,
  })
  const named = await chainsNamed(system)
  const verified: VerifiedChain[] = []
  for (const { project_id, sealed_head } of rows)
    verified.push(await verifyChain(system, masterKey, project_id, sealed_head, named))
  const present = new Set(rows.map(({ project_id }) => project_id))
  for (const projectId of [...named, ...(rows.length > 0 ? [installationChain] : [])])
    if (!present.has(projectId))
      verified.push(broken(projectId, origin, undefined, 'the whole chain is gone'))
  return verified
}

/** The chains that the one of the installation says have begun. */
async function chainsNamed(system: Queryable): Promise<Set<string>> {
  const { rows } = await system.query<{ details: string }>({
    text: `select details from audit.entries where project_id = $1 and action = 'beginChain'`,
    values: [installationChain],
  })
  return new Set(rows.flatMap(({ details }) => namedIn(details)))
}

function namedIn(details: string): string[] {
  try {
    const { projectId } = JSON.parse(details) as { projectId?: unknown }
    return typeof projectId === 'string' ? [projectId] : []
  } catch {
    return []
  }
}

async function verifyChain(
  system: Queryable,
  masterKey: MasterKey,
  projectId: string,
  sealed: Buffer | null,
  named: ReadonlySet<string>,
): Promise<VerifiedChain> {
  let head: ChainHead = origin
  for (;;) {
    const { rows } = await system.query<EntryRow>({
      text: `select ${entryColumns} from audit.entries where project_id = $1 and position > $2
        order by position limit ${batch}`,
      values: [projectId, head.position],
    })
    for (const row of rows) {
      const { entry, hash } = fromRow(row)
      const expected = head.position + 1
      if (entry.position !== expected)
        return broken(projectId, { ...head, position: expected }, entry.id, `entry ${expected} is gone`)
      if (!hashEntry(head.hash, entry).equals(hash))
        return broken(
          projectId,
          { ...head, position: expected },
          entry.id,
          'it does not follow the entry before it',
        )
      head = { position: entry.position, hash }
    }
    if (rows.length < batch) break
  }
  const end = sealed === null ? undefined : openHead(masterKey, projectId, sealed)
  const next = { ...head, position: head.position + 1 }
  if (end === undefined) return broken(projectId, next, undefined, 'its end is not sealed by the master key')
  if (end.position > head.position)
    return broken(projectId, next, undefined, `the last ${end.position - head.position} entries are gone`)
  if (end.position < head.position || !end.hash.equals(head.hash))
    return broken(projectId, next, undefined, 'its end is another than the one that was sealed')
  if (projectId !== installationChain && !named.has(projectId))
    return broken(
      projectId,
      { ...head, position: 1 },
      undefined,
      'the chain of the installation does not name it',
    )
  return { projectId, entries: head.position, head: head.hash.toString('hex'), broken: undefined }
}

function broken(
  projectId: string,
  { position, hash }: ChainHead,
  entryId: string | undefined,
  reason: string,
): VerifiedChain {
  return {
    ...{ projectId, entries: Math.max(0, position - 1), head: hash.toString('hex') },
    broken: { position: Math.max(1, position), entryId, reason },
  }
}
