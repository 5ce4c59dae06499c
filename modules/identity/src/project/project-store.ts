import {
  AppError,
  defaultProjectSettings,
  newId,
  type Project,
  type ProjectSettings,
} from '@parley/contracts'
import { decodeCursor, type Page, toPage } from '@parley/core/pages'
import type { Database, ProjectScope, Transaction } from '@parley/core/store'
import { BoundedMap } from '../bounded-map.ts'

interface ProjectRow {
  project_id: string
  name: string
  settings: Partial<ProjectSettings>
  created_at: Date
}

export interface ProjectChange {
  name?: string | undefined
  settings?: { [K in keyof ProjectSettings]?: ProjectSettings[K] | undefined } | undefined
}

const columns = 'project_id, name, settings, created_at'
const rememberedProjects = 10_000

/** Projects and their settings. Settings are read often, so each process believes them for `freshMs`. */
export class ProjectStore {
  readonly #database: Database
  readonly #freshMs: number
  readonly #settings = new BoundedMap<string, { settings: Promise<ProjectSettings>; readAtMs: number }>(
    rememberedProjects,
  )

  constructor(database: Database, freshMs: number) {
    this.#database = database
    this.#freshMs = freshMs
  }

  /** Inserts a project and, in the same transaction, whatever `alongside` writes into it. */
  async create<T>(
    name: string,
    alongside: (tx: Transaction, project: Project) => Promise<T>,
  ): Promise<{ project: Project; made: T }> {
    const projectId = newId('project')
    // Beyond one project, as whoever makes projects has none: the answer may be stored along with it.
    return this.#database.system.transaction(async (tx) => {
      const { rows } = await tx.query<ProjectRow>({
        text: `insert into identity.projects (project_id, name) values ($1, $2) returning ${columns}`,
        values: [projectId, name],
      })
      const project = toProject(only(rows))
      return { project, made: await alongside(tx, project) }
    })
  }

  async list(limit: number, cursor: string | undefined): Promise<Page<Project>> {
    const { rows } = await this.#database.system.query<ProjectRow>({
      text: `select ${columns} from identity.projects where project_id > $1 order by project_id limit $2`,
      values: [decodeCursor(cursor) ?? '', limit + 1],
    })
    return toPage(rows, limit, { keyOf: (row) => row.project_id, itemOf: toProject })
  }

  async get(scope: ProjectScope): Promise<Project> {
    const { rows } = await scope.query<ProjectRow>({
      name: 'identity-project',
      text: `select ${columns} from identity.projects where project_id = $1`,
      values: [scope.projectId],
    })
    return toProject(only(rows))
  }

  async exists(projectId: string): Promise<boolean> {
    const { rows } = await this.#database.project(projectId).query({
      text: 'select 1 from identity.projects where project_id = $1',
      values: [projectId],
    })
    return rows.length > 0
  }

  async update(scope: ProjectScope, change: ProjectChange): Promise<Project> {
    const { rows } = await scope.query<ProjectRow>({
      text: `update identity.projects set name = coalesce($2, name), settings = settings || $3::jsonb
        where project_id = $1 returning ${columns}`,
      values: [scope.projectId, change.name ?? null, JSON.stringify(change.settings ?? {})],
    })
    this.#settings.delete(scope.projectId)
    return toProject(only(rows))
  }

  /** The settings as this process knows them within `freshMs`. */
  settings(projectId: string): Promise<ProjectSettings> {
    const known = this.#settings.get(projectId)
    if (known && Date.now() - known.readAtMs < this.#freshMs) return known.settings
    const settings = this.get(this.#database.project(projectId)).then((project) => project.settings)
    const entry = { settings, readAtMs: Date.now() }
    this.#settings.set(projectId, entry)
    settings.catch(() => {
      if (this.#settings.get(projectId) === entry) this.#settings.delete(projectId)
    })
    return settings
  }
}

function toProject(row: ProjectRow): Project {
  return {
    id: row.project_id,
    name: row.name,
    settings: { ...defaultProjectSettings, ...row.settings },
    createdAt: row.created_at.toISOString(),
  }
}

function only<Row>(rows: Row[]): Row {
  const [row] = rows
  if (!row) throw new AppError('not-found', 'There is no such project')
  return row
}
