import { type DepartmentInput, maxDepartmentDepth } from '@parley/contracts'
import type { Outbox } from '@parley/core/outbox'
import type { LockedDirectory } from './directory-head.ts'
import { changeOf, type RowFailure, type RowOutcome } from './row-outcome.ts'

interface Known {
  parentId: string | undefined
  facts: string
}

/** Puts departments in the order given. One that cannot be put says why and leaves the others alone. */
export async function putDepartments(
  directory: LockedDirectory,
  outbox: Outbox,
  rows: readonly { id: string; input: DepartmentInput }[],
  limits: { maxDepartments: number },
): Promise<RowOutcome[]> {
  const { tx, projectId } = directory
  const known = await readTree(directory)
  const changed = new Map<string, { input: DepartmentInput; version: number }>()
  const outcomes: RowOutcome[] = []
  for (const { id, input } of rows) {
    const failure = judge(known, id, input, limits.maxDepartments)
    const facts = factsOf(input)
    if (failure !== undefined) outcomes.push(failure)
    else if (known.get(id)?.facts === facts) outcomes.push('unchanged')
    else {
      known.set(id, { parentId: input.parentId, facts })
      // The same id again in one batch: only its last word is written.
      changed.set(id, { input, version: directory.next() })
      directory.noteRules()
      outcomes.push('changed')
    }
  }
  if (changed.size === 0) return outcomes
  const records = [...changed].map(([id, { input, version }]) => ({
    ...{ id, version, name: input.name, parent_id: input.parentId ?? null, place: input.order },
    ...{ manager_id: input.managerId ?? null, visibility: input.visibility },
  }))
  await tx.query({
    text: `insert into enterprise.departments
        (project_id, id, name, parent_id, place, manager_id, visibility, version)
      select $1, r.id, r.name, r.parent_id, r.place, r.manager_id, r.visibility, r.version
      from jsonb_to_recordset($2::jsonb) as r (id text, name text, parent_id text, place bigint, manager_id text,
        visibility jsonb, version bigint)
      on conflict (project_id, id) do update set name = excluded.name, parent_id = excluded.parent_id,
        place = excluded.place, manager_id = excluded.manager_id, visibility = excluded.visibility,
        version = excluded.version, removed_at = null`,
    values: [projectId, JSON.stringify(records)],
  })
  await outbox.append(
    tx,
    [...changed].map(([id, { input, version }]) => ({
      projectId,
      resource: `department/${id}`,
      type: 'department.changed' as const,
      data: changeOf({ departmentId: id, change: 'put' as const, department: { id, ...input, version } }),
    })),
  )
  return outcomes
}

async function readTree({ tx, projectId }: LockedDirectory): Promise<Map<string, Known>> {
  const { rows } = await tx.query<{
    id: string
    name: string
    parent_id: string | null
    place: number
    manager_id: string | null
    visibility: DepartmentInput['visibility']
  }>({
    text: `select id, name, parent_id, place, manager_id, visibility from enterprise.departments
      where project_id = $1 and removed_at is null`,
    values: [projectId],
  })
  return new Map(
    rows.map((row) => {
      const input: DepartmentInput = {
        ...{ name: row.name, order: Number(row.place), visibility: row.visibility },
        ...(row.parent_id !== null && { parentId: row.parent_id }),
        ...(row.manager_id !== null && { managerId: row.manager_id }),
      }
      return [row.id, { parentId: input.parentId, facts: factsOf(input) }]
    }),
  )
}

function factsOf({ name, parentId, order, managerId, visibility }: DepartmentInput): string {
  const rule =
    visibility.to === 'chosen' ? ['chosen', visibility.departmentIds, visibility.userIds] : [visibility.to]
  return JSON.stringify([name, parentId ?? null, order, managerId ?? null, rule])
}

function judge(
  known: ReadonlyMap<string, Known>,
  id: string,
  { parentId }: DepartmentInput,
  maxDepartments: number,
): RowFailure | undefined {
  if (!known.has(id) && known.size >= maxDepartments)
    return { code: 'limit-exceeded', detail: `A project has at most ${maxDepartments} departments` }
  let depth = 1
  for (let above = parentId; above !== undefined; depth++) {
    if (above === id) return { code: 'conflict', detail: 'A department cannot be below itself' }
    const department = known.get(above)
    if (department === undefined) return { code: 'not-found', detail: `There is no department ${above}` }
    if (depth > maxDepartmentDepth) break
    above = department.parentId
  }
  const moved = known.has(id) && known.get(id)?.parentId !== parentId
  if (depth + (moved ? heightBelow(known, id) : 0) > maxDepartmentDepth)
    return { code: 'conflict', detail: `Departments are at most ${maxDepartmentDepth} deep` }
  return undefined
}

/** How many levels hang below. */
function heightBelow(known: ReadonlyMap<string, Known>, id: string): number {
  const children = new Map<string, string[]>()
  for (const [child, { parentId }] of known) {
    if (parentId !== undefined) children.set(parentId, [...(children.get(parentId) ?? []), child])
  }
  let level = children.get(id) ?? []
  let height = 0
  for (; level.length > 0; height++) level = level.flatMap((each) => children.get(each) ?? [])
  return height
}
