import { createHmac, randomBytes } from 'node:crypto'
import type { MasterKey } from '@parley/core/secrets'
import type { ProjectScope, Transaction } from '@parley/core/store'

interface HeadRow {
  version: number
  rules_version: number
  reset_version: number
  sealed_index_key: Buffer
}

export interface HeadVersions {
  version: number
  rulesVersion: number
  /** Devices that synced before this begin anew. */
  resetVersion: number
}

const contextOf = (projectId: string): string => `enterprise-index/${projectId}`

/** Locks the directory of a project: its changes are one after the other, each with a version of its own. */
export class LockedDirectory {
  readonly tx: Transaction
  readonly projectId: string
  readonly #indexKey: Buffer
  #version: number
  #rulesVersion: number

  private constructor(tx: Transaction, projectId: string, row: HeadRow, indexKey: Buffer) {
    this.tx = tx
    this.projectId = projectId
    this.#version = Number(row.version)
    this.#rulesVersion = Number(row.rules_version)
    this.#indexKey = indexKey
  }

  static async lock(tx: Transaction, projectId: string, masterKey: MasterKey): Promise<LockedDirectory> {
    await tx.query({
      text: `insert into enterprise.directories (project_id, sealed_index_key) values ($1, $2) on conflict do nothing`,
      values: [projectId, masterKey.seal(randomBytes(32), contextOf(projectId))],
    })
    const { rows } = await tx.query<HeadRow>({
      text: `select version, rules_version, sealed_index_key from enterprise.directories
        where project_id = $1 for update`,
      values: [projectId],
    })
    const [row] = rows
    if (row === undefined) throw new Error('the directory has no head')
    return new LockedDirectory(tx, projectId, row, masterKey.open(row.sealed_index_key, contextOf(projectId)))
  }

  /** The version of one more change. */
  next(): number {
    return ++this.#version
  }

  /** What is visible to whom is another from the change just made. */
  noteRules(): void {
    this.#rulesVersion = this.#version
  }

  indexOf(kind: 'phone' | 'email', value: string): Buffer {
    return blindIndex(this.#indexKey, kind, value)
  }

  /** Keyed, as what is digested holds numbers that could be guessed. */
  digestOf(facts: string): Buffer {
    return createHmac('sha256', this.#indexKey).update(`facts\n${facts}`).digest()
  }

  async save(): Promise<void> {
    await this.tx.query({
      text: 'update enterprise.directories set version = $2, rules_version = $3 where project_id = $1',
      values: [this.projectId, this.#version, this.#rulesVersion],
    })
  }
}

export async function readHead(
  project: ProjectScope,
  masterKey: MasterKey,
): Promise<HeadVersions & { indexOf(kind: 'phone' | 'email', value: string): Buffer }> {
  const { projectId } = project
  const { rows } = await project.query<HeadRow>({
    name: 'enterprise-directory-head',
    text: `select version, rules_version, reset_version, sealed_index_key from enterprise.directories
      where project_id = $1`,
    values: [projectId],
  })
  const [row] = rows
  if (row === undefined)
    return { version: 0, rulesVersion: 0, resetVersion: 0, indexOf: () => Buffer.alloc(0) }
  return {
    version: Number(row.version),
    rulesVersion: Number(row.rules_version),
    resetVersion: Number(row.reset_version),
    indexOf: (kind, value) =>
      blindIndex(masterKey.open(row.sealed_index_key, contextOf(projectId)), kind, value),
  }
}

/** Equal numbers have equal indexes, and nobody without the key can tell which. */
function blindIndex(key: Buffer, kind: 'phone' | 'email', value: string): Buffer {
  const plain = kind === 'phone' ? value.replace(/[^\d+]/g, '') : value.toLowerCase()
  return createHmac('sha256', key).update(`${kind}\n${plain}`).digest()
}
