import { identityEndpoints, type Project } from '@parley/contracts'
import { ApiClient } from '../api-client.ts'
import { usageError } from '../cli-error.ts'
import type { Command } from '../command.ts'
import { table } from '../terminal.ts'

export const projectsCommand: Command = {
  name: 'projects',
  summary: 'List or make projects (tenants); needs the master key of this machine',
  usage: ['parley projects list', 'parley projects create "My product"'],
  options: {},
  async run({ positionals, installation }) {
    const [action = 'list', name, ...rest] = positionals
    const api = new ApiClient(installation)
    if (action === 'list' && name === undefined) {
      const items = await listAll(api)
      const rows = items.map((project) => [project.id, project.createdAt, project.name])
      return { json: { items }, text: table([['PROJECT', 'CREATED', 'NAME'], ...rows]) }
    }
    if (action === 'create' && name !== undefined && rest.length === 0) {
      const answer = await api.call(identityEndpoints.createProject, 'operator', { body: { name } })
      const { project, key } = answer
      const facts = [
        ['project', project.id],
        ['key id', key.id],
        ['key secret', key.secret],
      ]
      return { json: answer, text: `${table(facts)}\n\nThe secret is shown this once.` }
    }
    throw usageError('Say `list`, or `create` with a name', 'projects')
  },
}

async function listAll(api: ApiClient): Promise<Project[]> {
  const items: Project[] = []
  let cursor: string | undefined
  do {
    const query = { limit: 200, ...(cursor !== undefined && { cursor }) }
    const page = await api.call(identityEndpoints.listProjects, 'operator', { query })
    items.push(...page.items)
    cursor = page.nextCursor
  } while (cursor !== undefined)
  return items
}
