import {
  AppError,
  type Department,
  type DepartmentVisibility,
  type DirectoryDelta,
  type DirectoryMember,
} from '@parley/contracts'
import { decodeCursor, encodeCursor, type Page, type PageRequest, toPage } from '@parley/core/pages'
import type { MasterKey } from '@parley/core/secrets'
import type { Database, ProjectScope } from '@parley/core/store'
import type { Actor } from '../doors.ts'
import { DepartmentTrees, type Sight, sightOf } from './department-tree.ts'
import { readHead } from './directory-head.ts'
import { foldName } from './initials.ts'
import { contactContext } from './member-writer.ts'

interface DepartmentRow {
  id: string
  name: string
  parent_id: string | null
  place: number
  manager_id: string | null
  visibility: DepartmentVisibility
  version: number
  member_count: number
  removed: boolean
}

interface MemberRow {
  user_id: string
  name: string
  initials: string
  employee_number: string | null
  sealed_phone: Buffer | null
  sealed_email: Buffer | null
  tags: string[]
  status: 'active' | 'left'
  version: number
  removed: boolean
  was_in: string[]
  places: { departmentId: string; title: string | null }[] | null
}

/** Counts each member once, however many departments below count them. */
const departmentColumns = `d.id, d.name, d.parent_id, d.place, d.manager_id, d.visibility, d.version,
  d.removed_at is not null as removed, (
    with recursive below as (
      select d.id union all
      select c.id from below b join enterprise.departments c
        on c.project_id = d.project_id and c.parent_id = b.id and c.removed_at is null
    )
    select count(distinct p.user_id)::int from below b
    join enterprise.places p on p.project_id = d.project_id and p.department_id = b.id
    join enterprise.members m on m.project_id = p.project_id and m.user_id = p.user_id
      and m.status = 'active' and m.removed_at is null
  ) as member_count`

const memberColumns = `m.user_id, m.name, m.initials, m.employee_number, m.sealed_phone, m.sealed_email, m.tags, m.status,
  m.version, m.removed_at is not null as removed, m.was_in, (
    select jsonb_agg(jsonb_build_object('departmentId', p.department_id, 'title', p.title) order by p.place)
    from enterprise.places p where p.project_id = m.project_id and p.user_id = m.user_id
  ) as places`

/** $2: who looks; $3: departments they see, null for all. Members of no department are seen by everybody. */
const memberIsSeen = `($3::text[] is null or m.user_id = $2
  or not exists (select from enterprise.places p where p.project_id = m.project_id and p.user_id = m.user_id)
  or exists (select from enterprise.places p
    where p.project_id = m.project_id and p.user_id = m.user_id and p.department_id = any($3)))`

/** Reads the directory as the one who asks may see it; the customer's server sees everything. */
export class DirectoryReader {
  readonly #database: Database
  readonly #masterKey: MasterKey
  readonly #trees = new DepartmentTrees()

  constructor({ database, masterKey }: { database: Database; masterKey: MasterKey }) {
    this.#database = database
    this.#masterKey = masterKey
  }

  async departments(
    actor: Actor,
    { parentId, limit, cursor }: PageRequest & { parentId?: string | undefined },
  ): Promise<Page<Department>> {
    const project = this.#database.project(actor.projectId)
    const { seen } = await this.#sight(project, actor.userId)
    const [place = '0', ...id] = decodeCursor(cursor)?.split(' ') ?? []
    if (!/^\d{1,12}$/.test(place)) throw new AppError('invalid-cursor')
    const { rows } = await project.query<DepartmentRow>({
      text: `select ${departmentColumns} from enterprise.departments d
        where d.project_id = $1 and d.removed_at is null and d.parent_id is not distinct from $2
          and ($3::text[] is null or d.id = any($3)) and (d.place, d.id) > ($4::bigint, $5) 
        order by d.place, d.id limit $6`,
      values: [actor.projectId, parentId ?? null, seen, place, id.join(' '), limit + 1],
    })
    return toPage(rows, limit, { keyOf: (row) => `${row.place} ${row.id}`, itemOf: toDepartment })
  }

  async department(actor: Actor, id: string): Promise<Department> {
    const project = this.#database.project(actor.projectId)
    const { seen } = await this.#sight(project, actor.userId)
    const { rows } = await project.query<DepartmentRow>({
      text: `select ${departmentColumns} from enterprise.departments d
        where d.project_id = $1 and d.id = $2 and d.removed_at is null and ($3::text[] is null or d.id = any($3))`,
      values: [actor.projectId, id, seen],
    })
    const [row] = rows
    if (row === undefined) throw new AppError('not-found', 'There is no such department')
    return toDepartment(row)
  }

  async members(
    actor: Actor,
    filter: PageRequest & { departmentId?: string | undefined; tag?: string | undefined },
  ): Promise<Page<DirectoryMember>> {
    const { departmentId, tag, limit, cursor } = filter
    const project = this.#database.project(actor.projectId)
    const { seen } = await this.#sight(project, actor.userId)
    if (departmentId !== undefined && seen !== null && !seen.includes(departmentId)) return { items: [] }
    const { rows } = await project.query<MemberRow>({
      text: `select ${memberColumns} from enterprise.members m
        where m.project_id = $1 and ${memberIsSeen} and m.removed_at is null and m.status = 'active'
          and ($4::text is null or exists (select from enterprise.places p
            where p.project_id = m.project_id and p.user_id = m.user_id and p.department_id = $4))
          and ($5::text is null or m.tags @> array[$5]) and m.user_id > $6
        order by m.user_id limit $7`,
      values: [
        ...[actor.projectId, actor.userId ?? null, seen, departmentId ?? null, tag ?? null],
        ...[decodeCursor(cursor) ?? '', limit + 1],
      ],
    })
    return toPage(rows, limit, {
      keyOf: (row) => row.user_id,
      itemOf: (row) => this.#toMember(actor.projectId, row, seen),
    })
  }

  async member(actor: Actor, userId: string): Promise<DirectoryMember> {
    const project = this.#database.project(actor.projectId)
    const { seen } = await this.#sight(project, actor.userId)
    const { rows } = await project.query<MemberRow>({
      text: `select ${memberColumns} from enterprise.members m
        where m.project_id = $1 and ${memberIsSeen} and m.user_id = $4 and m.removed_at is null`,
      values: [actor.projectId, actor.userId ?? null, seen, userId],
    })
    const [row] = rows
    if (row === undefined) throw new AppError('not-found', 'There is no such member')
    return this.#toMember(actor.projectId, row, seen)
  }

  async search(actor: Actor, text: string, limit: number): Promise<DirectoryMember[]> {
    const project = this.#database.project(actor.projectId)
    const { seen, indexOf } = await this.#sight(project, actor.userId)
    const folded = foldName(text.trim())
    if (folded === '') return []
    const literal = folded.replace(/[\\%_]/g, '\\$&')
    const { rows } = await project.query<MemberRow>({
      text: `select ${memberColumns} from enterprise.members m
        where m.project_id = $1 and ${memberIsSeen} and m.removed_at is null and m.status = 'active'
          and (m.folded_name like '%' || $4 || '%' or m.initials like $4 || '%' or m.employee_number = $5
            or m.phone_index = $6 or m.email_index = $7)
        order by m.folded_name like $4 || '%' desc, m.folded_name, m.user_id limit $8`,
      values: [
        ...[actor.projectId, actor.userId ?? null, seen, literal, text.trim()],
        ...[indexOf('phone', text), indexOf('email', text.trim()), limit],
      ],
    })
    return rows.map((row) => this.#toMember(actor.projectId, row, seen))
  }

  async tags(projectId: string): Promise<{ tag: string; memberCount: number }[]> {
    const { rows } = await this.#database.project(projectId).query<{ tag: string; n: number }>({
      text: `select tag, count(*)::int as n from enterprise.members m, unnest(m.tags) as tag
        where m.project_id = $1 and m.removed_at is null and m.status = 'active'
        group by tag order by tag limit 1000`,
      values: [projectId],
    })
    return rows.map(({ tag, n }) => ({ tag, memberCount: n }))
  }

  /** What a device that has seen everything up to the cursor has not seen yet. */
  async changes(actor: Actor, { limit, cursor }: PageRequest): Promise<DirectoryDelta> {
    const project = this.#database.project(actor.projectId)
    const sight = await this.#sight(project, actor.userId)
    const { seen, version: upTo, shape } = sight
    const before = readCursor(cursor)
    const reset = before === undefined || before.shape !== shape || before.version > upTo
    const since = reset ? 0 : before.version
    const range = [since, upTo, limit + 1]
    const departments = await project.query<DepartmentRow>({
      text: `select ${departmentColumns} from enterprise.departments d
        where d.project_id = $1 and d.version > $2 and d.version <= $3 order by d.version limit $4`,
      values: [actor.projectId, ...range],
    })
    const members = await project.query<MemberRow>({
      text: `select ${memberColumns} from enterprise.members m
        where m.project_id = $1 and m.version > $2 and m.version <= $3 order by m.version limit $4`,
      values: [actor.projectId, ...range],
    })
    const changes = [
      ...departments.rows.map((row) => ({ version: Number(row.version), department: row })),
      ...members.rows.map((row) => ({ version: Number(row.version), member: row })),
    ].sort((a, b) => a.version - b.version)
    const told = changes.slice(0, limit)
    const more = changes.length > limit
    const delta: DirectoryDelta = {
      ...{ departments: [], removedDepartmentIds: [], members: [], removedUserIds: [], reset, more },
      cursor: writeCursor({ version: more ? (told.at(-1)?.version ?? since) : upTo, shape }),
    }
    const sees = (id: string): boolean => seen === null || seen.includes(id)
    for (const change of told) {
      if ('department' in change) {
        const { department: row } = change
        if (!row.removed && sees(row.id)) delta.departments.push(toDepartment(row))
        // Whether a removed one was seen is not known any more; its id tells nothing.
        else if (row.removed && since > 0) delta.removedDepartmentIds.push(row.id)
        continue
      }
      const { member: row } = change
      const places = (row.places ?? []).map(({ departmentId }) => departmentId)
      const isSeen = row.user_id === actor.userId || places.length === 0 || places.some(sees)
      if (!row.removed && isSeen) delta.members.push(this.#toMember(actor.projectId, row, seen))
      else if (since > 0 && (row.was_in.length === 0 || row.was_in.some(sees)))
        delta.removedUserIds.push(row.user_id)
    }
    return delta
  }

  async #sight(project: ProjectScope, userId: string | undefined) {
    const head = await readHead(project, this.#masterKey)
    if (userId === undefined) return { ...head, seen: null, shape: `${head.resetVersion}.all` }
    const tree = await this.#trees.get(project, head.rulesVersion)
    if (!tree.restricted) return { ...head, seen: null, shape: `${head.resetVersion}.all` }
    const { rows } = await project.query<{ placed_version: number; departments: string[] }>({
      text: `select m.placed_version, array(select p.department_id from enterprise.places p
          where p.project_id = m.project_id and p.user_id = m.user_id) as departments
        from enterprise.members m
        where m.project_id = $1 and m.user_id = $2 and m.removed_at is null and m.status = 'active'`,
      values: [project.projectId, userId],
    })
    const sight: Sight = sightOf(tree, userId, rows[0]?.departments ?? [])
    const seen = sight === 'all' ? null : [...sight]
    return {
      ...head,
      seen,
      shape: `${head.resetVersion}.${head.rulesVersion}.${rows[0]?.placed_version ?? 0}`,
    }
  }

  #toMember(projectId: string, row: MemberRow, seen: readonly string[] | null): DirectoryMember {
    const open = (kind: 'phone' | 'email', sealed: Buffer | null): string | undefined =>
      sealed === null
        ? undefined
        : this.#masterKey.open(sealed, contactContext(projectId, row.user_id, kind)).toString()
    const phone = open('phone', row.sealed_phone)
    const email = open('email', row.sealed_email)
    return {
      userId: row.user_id,
      name: row.name,
      initials: row.initials,
      ...(row.employee_number !== null && { employeeNumber: row.employee_number }),
      ...(phone !== undefined && { phone }),
      ...(email !== undefined && { email }),
      departments: (row.places ?? [])
        .filter(({ departmentId }) => seen === null || seen.includes(departmentId))
        .map(({ departmentId, title }) => ({ departmentId, ...(title !== null && { title }) })),
      tags: row.tags,
      status: row.status,
      version: Number(row.version),
    }
  }
}

function toDepartment(row: DepartmentRow): Department {
  return {
    id: row.id,
    name: row.name,
    ...(row.parent_id !== null && { parentId: row.parent_id }),
    order: Number(row.place),
    ...(row.manager_id !== null && { managerId: row.manager_id }),
    visibility: row.visibility,
    memberCount: row.member_count,
    version: Number(row.version),
  }
}

function readCursor(cursor: string | undefined): { version: number; shape: string } | undefined {
  const text = decodeCursor(cursor)
  if (text === undefined) return undefined
  const match = /^(\d{1,15}) (\d{1,15}\.(?:all|\d{1,15}\.\d{1,15}))$/.exec(text)
  if (match?.[1] === undefined || match[2] === undefined) throw new AppError('invalid-cursor')
  return { version: Number(match[1]), shape: match[2] }
}

function writeCursor({ version, shape }: { version: number; shape: string }): string {
  return encodeCursor(`${version} ${shape}`)
}
