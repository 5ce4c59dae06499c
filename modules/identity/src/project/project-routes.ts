import { AppError, identityEndpoints } from '@parley/contracts'
import type { HttpServer } from '@parley/core/http'
import type { Database } from '@parley/core/store'
import type { KeyStore } from '../key/key-store.ts'
import type { ProjectStore } from './project-store.ts'

export interface ProjectRouteParts {
  http: HttpServer
  database: Database
  projects: ProjectStore
  keys: KeyStore
}

export function registerProjectRoutes({ http, database, projects, keys }: ProjectRouteParts): void {
  http.route(identityEndpoints.createProject, async ({ body, settle }) => {
    const { made } = await projects.create(body.name, async (tx, project) => {
      const answer = { project, key: await keys.insert(tx, project.id, undefined) }
      await settle(tx, answer)
      return answer
    })
    return made
  })
  http.route(identityEndpoints.listProjects, ({ query }) => projects.list(query.limit, query.cursor))
  http.route(identityEndpoints.createProjectKey, async ({ params, body }) => {
    if (!(await projects.exists(params.projectId)))
      throw new AppError('not-found', 'There is no such project')
    return keys.create(database.project(params.projectId), body.name)
  })
  http.route(identityEndpoints.getProject, ({ project }) => projects.get(project))
  http.route(identityEndpoints.updateProject, ({ project, body }) => projects.update(project, body))
}
