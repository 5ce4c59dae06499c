import { AppError, type ApprovalTemplate } from '@parley/contracts'
import { decodeCursor, type PageRequest, toPage } from '@parley/core/pages'
import type { Database, Queryable } from '@parley/core/store'
import { maxTemplates } from '../config.ts'

type TemplateInput = Omit<ApprovalTemplate, 'id' | 'version'>

interface TemplateRow {
  id: string
  definition: Omit<TemplateInput, 'enabled'>
  enabled: boolean
  version: number
}

/** What can be asked for, and who decides about it. */
export class ApprovalTemplates {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  async put(
    projectId: string,
    id: string,
    { enabled, ...definition }: TemplateInput,
  ): Promise<ApprovalTemplate> {
    return this.#database.project(projectId).transaction(async (tx) => {
      await tx.query({
        text: `select pg_advisory_xact_lock(hashtextextended('approval-templates/' || $1, 0))`,
        values: [projectId],
      })
      const { rows } = await tx.query<TemplateRow & { others: number }>({
        text: `insert into enterprise.templates as t (project_id, id, definition, enabled, version)
          values ($1, $2, $3, $4, 1) on conflict (project_id, id) do update
          set definition = excluded.definition, enabled = excluded.enabled, version = t.version + 1
          returning id, definition, enabled, version, (select count(*)::int from enterprise.templates o
            where o.project_id = $1 and o.id <> $2) as others`,
        values: [projectId, id, JSON.stringify(definition), enabled],
      })
      const [row] = rows
      if (row === undefined) throw new Error('the template was not stored')
      if (row.others >= maxTemplates)
        throw new AppError('limit-exceeded', `A project has at most ${maxTemplates} approval templates`)
      return toTemplate(row)
    })
  }

  async list(projectId: string, { limit, cursor, onlyEnabled }: PageRequest & { onlyEnabled: boolean }) {
    const { rows } = await this.#database.project(projectId).query<TemplateRow>({
      text: `select id, definition, enabled, version from enterprise.templates
        where project_id = $1 and id > $2 and (enabled or not $3) order by id limit $4`,
      values: [projectId, decodeCursor(cursor) ?? '', onlyEnabled, limit + 1],
    })
    return toPage(rows, limit, { keyOf: (row) => row.id, itemOf: toTemplate })
  }

  async remove(projectId: string, id: string): Promise<void> {
    const { rowCount } = await this.#database.project(projectId).query({
      text: 'delete from enterprise.templates where project_id = $1 and id = $2',
      values: [projectId, id],
    })
    if (rowCount === 0) throw noTemplate()
  }

  /** One that may be submitted. */
  async usable(queryable: Queryable, projectId: string, id: string): Promise<ApprovalTemplate> {
    const { rows } = await queryable.query<TemplateRow>({
      text: `select id, definition, enabled, version from enterprise.templates
        where project_id = $1 and id = $2 and enabled`,
      values: [projectId, id],
    })
    const [row] = rows
    if (row === undefined) throw noTemplate()
    return toTemplate(row)
  }
}

function noTemplate(): AppError {
  return new AppError('not-found', 'There is no such approval template')
}

function toTemplate({ id, definition, enabled, version }: TemplateRow): ApprovalTemplate {
  return { id, ...definition, enabled, version }
}
