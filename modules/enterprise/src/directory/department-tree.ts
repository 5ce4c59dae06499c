import type { DepartmentVisibility } from '@parley/contracts'
import type { ProjectScope } from '@parley/core/store'

interface Node {
  parentId: string | undefined
  visibility: DepartmentVisibility
}

interface Tree {
  rulesVersion: number
  nodes: ReadonlyMap<string, Node>
  /** Whether any department is hidden from anybody. */
  restricted: boolean
}

/** What a user sees: `all`, or these departments. */
export type Sight = 'all' | ReadonlySet<string>

const maxTrees = 100

/** The departments of projects in use, as this process read them; a newer version of the rules is read anew. */
export class DepartmentTrees {
  readonly #trees = new Map<string, Tree>()

  async get(project: ProjectScope, rulesVersion: number): Promise<Tree> {
    const { projectId } = project
    const known = this.#trees.get(projectId)
    if (known !== undefined && known.rulesVersion === rulesVersion) return known
    const { rows } = await project.query<{
      id: string
      parent_id: string | null
      visibility: DepartmentVisibility
    }>({
      text: `select id, parent_id, visibility from enterprise.departments
        where project_id = $1 and removed_at is null`,
      values: [projectId],
    })
    const nodes = new Map(
      rows.map((row) => [row.id, { parentId: row.parent_id ?? undefined, visibility: row.visibility }]),
    )
    const restricted = rows.some(({ visibility }) => visibility.to !== 'all')
    // What is read may be newer than the version asked for: it is then read once more, never kept too long.
    const tree = { rulesVersion, nodes, restricted }
    this.#trees.delete(projectId)
    this.#trees.set(projectId, tree)
    for (const oldest of this.#trees.keys()) {
      if (this.#trees.size <= maxTrees) break
      this.#trees.delete(oldest)
    }
    return tree
  }
}

/** A department is seen when its rule and the rules of all above it admit the user. */
export function sightOf(tree: Tree, userId: string, ownDepartmentIds: readonly string[]): Sight {
  if (!tree.restricted) return 'all'
  const own = new Set<string>()
  for (const departmentId of ownDepartmentIds) {
    for (const id of pathOf(tree, departmentId)) own.add(id)
  }
  const seen = new Map<string, boolean>()
  const admits = (id: string, { visibility }: Node): boolean => {
    if (visibility.to === 'all') return true
    if (visibility.to === 'own') return own.has(id)
    return visibility.userIds.includes(userId) || visibility.departmentIds.some((each) => own.has(each))
  }
  const isSeen = (id: string): boolean => {
    const known = seen.get(id)
    if (known !== undefined) return known
    const node = tree.nodes.get(id)
    const answer =
      node !== undefined && admits(id, node) && (node.parentId === undefined || isSeen(node.parentId))
    seen.set(id, answer)
    return answer
  }
  return new Set([...tree.nodes.keys()].filter(isSeen))
}

/** A department and all above it. */
function pathOf(tree: Tree, departmentId: string): string[] {
  const path: string[] = []
  for (let id: string | undefined = departmentId; id !== undefined; id = tree.nodes.get(id)?.parentId) {
    if (!tree.nodes.has(id)) break
    path.push(id)
  }
  return path
}
