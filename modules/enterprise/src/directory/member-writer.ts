import type { MemberInput } from '@parley/contracts'
import type { Outbox } from '@parley/core/outbox'
import type { MasterKey } from '@parley/core/secrets'
import type { LockedDirectory } from './directory-head.ts'
import { foldName, initialsOf } from './initials.ts'
import { changeOf, type RowFailure, type RowOutcome } from './row-outcome.ts'

export interface MemberRow {
  userId: string
  input: MemberInput
}

interface Known {
  digest: Buffer
  employeeNumber: string | undefined
}

/** Puts members in the order given; the users exist. One that cannot be put says why and leaves the others alone. */
export async function putMembers(
  directory: LockedDirectory,
  { outbox, masterKey }: { outbox: Outbox; masterKey: MasterKey },
  rows: readonly MemberRow[],
): Promise<RowOutcome[]> {
  const { departments, members, numbers } = await readPresent(directory, rows)
  const changed = new Map<string, { input: MemberInput; digest: Buffer; version: number }>()
  const outcomes: RowOutcome[] = []
  for (const { userId, input } of rows) {
    const failure = judge(departments, numbers, userId, input)
    const digest = directory.digestOf(factsOf(input))
    const before = members.get(userId)
    if (failure !== undefined) outcomes.push(failure)
    else if (before?.digest.equals(digest)) outcomes.push('unchanged')
    else {
      const { employeeNumber } = input
      if (before?.employeeNumber !== undefined) numbers.delete(before.employeeNumber)
      if (employeeNumber !== undefined) numbers.set(employeeNumber, userId)
      members.set(userId, { digest, employeeNumber })
      changed.set(userId, { input, digest, version: directory.next() })
      outcomes.push('changed')
    }
  }
  if (changed.size > 0) await write(directory, { outbox, masterKey }, changed)
  return outcomes
}

async function readPresent(directory: LockedDirectory, rows: readonly MemberRow[]) {
  const { tx, projectId } = directory
  const wanted = [...new Set(rows.flatMap(({ input }) => input.departments.map((each) => each.departmentId)))]
  const departments = await tx.query<{ id: string }>({
    text: `select id from enterprise.departments where project_id = $1 and id = any($2) and removed_at is null`,
    values: [projectId, wanted],
  })
  const given = rows.flatMap(({ input }) =>
    input.employeeNumber === undefined ? [] : [input.employeeNumber],
  )
  const members = await tx.query<{
    user_id: string
    digest: Buffer
    employee_number: string | null
    removed: boolean
  }>({
    text: `select m.user_id, m.digest, m.employee_number, m.removed_at is not null as removed
      from enterprise.members m
      where m.project_id = $1 and (m.user_id = any($2) or m.employee_number = any($3))`,
    values: [projectId, rows.map(({ userId }) => userId), given],
  })
  const living = members.rows.filter(({ removed }) => !removed)
  return {
    departments: new Set(departments.rows.map(({ id }) => id)),
    members: new Map<string, Known>(
      living.map((row) => [
        row.user_id,
        { digest: row.digest, employeeNumber: row.employee_number ?? undefined },
      ]),
    ),
    numbers: new Map(
      living.flatMap((row) =>
        row.employee_number === null ? [] : [[row.employee_number, row.user_id] as const],
      ),
    ),
  }
}

function judge(
  departments: ReadonlySet<string>,
  numbers: ReadonlyMap<string, string>,
  userId: string,
  input: MemberInput,
): RowFailure | undefined {
  const missing = input.departments.find(({ departmentId }) => !departments.has(departmentId))
  if (missing !== undefined)
    return { code: 'not-found', detail: `There is no department ${missing.departmentId}` }
  const places = input.departments.map(({ departmentId }) => departmentId)
  if (new Set(places).size < places.length)
    return { code: 'invalid-request', detail: 'A department stands twice' }
  const owner = input.employeeNumber === undefined ? undefined : numbers.get(input.employeeNumber)
  if (owner !== undefined && owner !== userId)
    return {
      code: 'already-exists',
      detail: `Another member has the employee number ${input.employeeNumber}`,
    }
  return undefined
}

async function write(
  directory: LockedDirectory,
  { outbox, masterKey }: { outbox: Outbox; masterKey: MasterKey },
  changed: ReadonlyMap<string, { input: MemberInput; digest: Buffer; version: number }>,
): Promise<void> {
  const { tx, projectId } = directory
  const seal = (kind: 'phone' | 'email', userId: string, value: string | undefined) =>
    value === undefined
      ? null
      : masterKey.seal(value, contactContext(projectId, userId, kind)).toString('hex')
  const index = (kind: 'phone' | 'email', value: string | undefined) =>
    value === undefined ? null : directory.indexOf(kind, value).toString('hex')
  const records = [...changed].map(([userId, { input, digest, version }]) => ({
    ...{
      user_id: userId,
      name: input.name,
      folded_name: foldName(input.name),
      initials: initialsOf(input.name),
    },
    ...{ employee_number: input.employeeNumber ?? null, tags: input.tags, status: input.status, version },
    ...{ sealed_phone: seal('phone', userId, input.phone), phone_index: index('phone', input.phone) },
    ...{ sealed_email: seal('email', userId, input.email), email_index: index('email', input.email) },
    ...{ digest: digest.toString('hex'), was_in: input.departments.map(({ departmentId }) => departmentId) },
  }))
  const userIds = [...changed.keys()]
  // Numbers may change hands within one batch.
  await tx.query({
    text: `update enterprise.members set employee_number = null where project_id = $1 and user_id = any($2)`,
    values: [projectId, userIds],
  })
  await tx.query({
    text: `insert into enterprise.members as m (project_id, user_id, name, folded_name, initials, employee_number,
        sealed_phone, phone_index, sealed_email, email_index, tags, status, version, placed_version, was_in, digest)
      select $1, r.user_id, r.name, r.folded_name, r.initials, r.employee_number,
        decode(r.sealed_phone, 'hex'), decode(r.phone_index, 'hex'), decode(r.sealed_email, 'hex'),
        decode(r.email_index, 'hex'), array(select jsonb_array_elements_text(r.tags)), r.status, r.version, r.version,
        array(select jsonb_array_elements_text(r.was_in)), decode(r.digest, 'hex')
      from jsonb_to_recordset($2::jsonb) as r (user_id text, name text, folded_name text, initials text,
        employee_number text, sealed_phone text, phone_index text, sealed_email text, email_index text, tags jsonb,
        status text, version bigint, was_in jsonb, digest text)
      on conflict (project_id, user_id) do update set name = excluded.name, folded_name = excluded.folded_name,
        initials = excluded.initials, employee_number = excluded.employee_number,
        sealed_phone = excluded.sealed_phone, phone_index = excluded.phone_index,
        sealed_email = excluded.sealed_email, email_index = excluded.email_index, tags = excluded.tags,
        status = excluded.status, version = excluded.version, digest = excluded.digest, removed_at = null,
        placed_version = excluded.version,
        was_in = array(select distinct unnest(m.was_in || excluded.was_in))`,
    values: [projectId, JSON.stringify(records)],
  })
  await tx.query({
    text: 'delete from enterprise.places where project_id = $1 and user_id = any($2)',
    values: [projectId, userIds],
  })
  const places = [...changed].flatMap(([userId, { input }]) =>
    input.departments.map(({ departmentId, title }, place) => ({
      ...{ user_id: userId, place, department_id: departmentId, title: title ?? null },
    })),
  )
  await tx.query({
    text: `insert into enterprise.places (project_id, user_id, place, department_id, title)
      select $1, r.user_id, r.place, r.department_id, r.title
      from jsonb_to_recordset($2::jsonb) as r (user_id text, place integer, department_id text, title text)`,
    values: [projectId, JSON.stringify(places)],
  })
  await outbox.append(
    tx,
    [...changed].map(([userId, { input, version }]) => {
      const { phone: _phone, email: _email, ...told } = input
      const data = changeOf({ userId, change: 'put' as const, member: { userId, ...told, version } })
      return { projectId, resource: `member/${userId}`, type: 'member.changed' as const, data }
    }),
  )
}

/** Phone numbers and addresses open only where they stand. */
export function contactContext(projectId: string, userId: string, kind: 'phone' | 'email'): string {
  return `enterprise-contact/${projectId}/${userId}/${kind}`
}

function factsOf(input: MemberInput): string {
  const { name, employeeNumber, phone, email, departments, tags, status } = input
  const facts = [name, employeeNumber, phone, email, tags, status]
  const places = departments.map(({ departmentId, title }) => [departmentId, title])
  return JSON.stringify([facts.map((fact) => fact ?? null), places])
}
