import type { Hold } from '@parley/contracts'
import { decodeRowCursor, type Page, type PageRequest, toPage } from '@parley/core/pages'
import type { Database, ProjectScope, Queryable } from '@parley/core/store'

type HoldKind = Hold['kind']

interface HoldRow {
  kind: HoldKind
  id: string
  reason: string | null
  created_at: Date
}

/** What must be left as it is, whatever retention and erasure say. */
export class Holds {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  async set(projectId: string, kind: HoldKind, id: string, reason: string | undefined): Promise<Hold> {
    const { rows } = await this.#database.project(projectId).query<HoldRow>({
      text: `insert into personal.holds (project_id, kind, id, reason) values ($1, $2, $3, $4)
        on conflict (project_id, kind, id) do update set reason = excluded.reason
        returning kind, id, reason, created_at`,
      values: [projectId, kind, id, reason ?? null],
    })
    const [row] = rows
    if (row === undefined) throw new Error('the hold was not stored')
    return present(row)
  }

  async lift(projectId: string, kind: HoldKind, id: string): Promise<void> {
    await this.#database.project(projectId).query({
      text: 'delete from personal.holds where project_id = $1 and kind = $2 and id = $3',
      values: [projectId, kind, id],
    })
  }

  async list(project: ProjectScope, { limit, cursor }: PageRequest): Promise<Page<Hold>> {
    const after = decodeRowCursor(cursor, ['text', 'text']) ?? ['', '']
    const { rows } = await project.query<HoldRow>({
      text: `select kind, id, reason, created_at from personal.holds
        where project_id = $1 and (kind collate "C", id) > ($2, $3) order by kind collate "C", id limit $4`,
      values: [project.projectId, ...after, limit + 1],
    })
    return toPage(rows, limit, { keyOf: (row) => [row.kind, row.id], itemOf: present })
  }

  /** Which of these are held. */
  async among(
    tx: Queryable,
    projectId: string,
    kind: HoldKind,
    ids: readonly string[],
  ): Promise<Set<string>> {
    const { rows } = await tx.query<{ id: string }>({
      text: 'select id from personal.holds where project_id = $1 and kind = $2 and id = any($3)',
      values: [projectId, kind, ids],
    })
    return new Set(rows.map((row) => row.id))
  }
}

function present({ kind, id, reason, created_at }: HoldRow): Hold {
  return { kind, id, ...(reason !== null && { reason }), createdAt: created_at.toISOString() }
}
