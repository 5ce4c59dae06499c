import { AppError, type PushTemplate } from '@parley/contracts'
import { decodeCursor, type PageRequest, toPage } from '@parley/core/pages'
import type { ProjectScope, Queryable } from '@parley/core/store'
import type { Languages } from './built-in.ts'

interface TemplateRow {
  name: string
  languages: PushTemplate['languages']
  updated_at: Date
}

/** How the pushes of a project read. */
export class TemplateStore {
  readonly #most: number

  constructor(most: number) {
    this.#most = most
  }

  /** Throws `limit-exceeded`. */
  async put(project: ProjectScope, name: string, languages: Languages): Promise<PushTemplate> {
    const { rows } = await project.query<TemplateRow>({
      text: `insert into push.templates (project_id, name, languages)
        select $1, $2, $3::jsonb where exists (select from push.templates where project_id = $1 and name = $2)
          or (select count(*) from push.templates where project_id = $1) < $4
        on conflict (project_id, name) do update set languages = excluded.languages, updated_at = now()
        returning name, languages, updated_at`,
      values: [project.projectId, name, JSON.stringify(languages), this.#most],
    })
    const [row] = rows
    if (row === undefined)
      throw new AppError('limit-exceeded', `A project has at most ${this.#most} templates`)
    return toTemplate(row)
  }

  async list(project: ProjectScope, page: PageRequest) {
    const { rows } = await project.query<TemplateRow>({
      text: `select name, languages, updated_at from push.templates
        where project_id = $1 and name > $2 collate "C" order by name collate "C" limit $3`,
      values: [project.projectId, decodeCursor(page.cursor) ?? '', page.limit + 1],
    })
    return toPage(rows, page.limit, { keyOf: (row) => row.name, itemOf: toTemplate })
  }

  /** Throws `not-found`. */
  async delete(project: ProjectScope, name: string): Promise<void> {
    const { rowCount } = await project.query({
      text: 'delete from push.templates where project_id = $1 and name = $2',
      values: [project.projectId, name],
    })
    if (rowCount === 0) throw new AppError('not-found', 'There is no template of this name')
  }

  /** The first of these names that the project has. */
  async first(
    queryable: Queryable,
    projectId: string,
    names: readonly string[],
  ): Promise<Languages | undefined> {
    const { rows } = await queryable.query<TemplateRow>({
      name: 'push-templates',
      text: `select name, languages, updated_at from push.templates where project_id = $1 and name = any($2::text[])`,
      values: [projectId, names],
    })
    const byName = new Map(rows.map((row) => [row.name, row.languages]))
    for (const name of names) {
      const found = byName.get(name)
      if (found !== undefined) return found
    }
    return undefined
  }
}

function toTemplate({ name, languages, updated_at }: TemplateRow): PushTemplate {
  return { name, languages, updatedAt: updated_at.toISOString() }
}
