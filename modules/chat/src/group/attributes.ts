import { AppError, type ConversationAttribute, maxAttributes } from '@parley/contracts'
import type { Database, Transaction } from '@parley/core/store'
import type { Groups } from '../conversation/groups.ts'
import type { Actor } from '../message/change-message.ts'

export interface AttributesChange {
  set?: Record<string, string> | undefined
  remove?: readonly string[] | undefined
  /** Version the caller has seen of a key; 0 where it saw none. */
  versions?: Record<string, number> | undefined
}

interface AttributeRow {
  key: string
  value: string
  version: number
  updated_by: string | null
  updated_at: Date
}

/** Keys and values of a group, for its application: at most 100 keys, each with a version of its own. */
export class GroupAttributes {
  readonly #groups: Groups
  readonly #database: Database

  constructor(options: { groups: Groups; database: Database }) {
    this.#groups = options.groups
    this.#database = options.database
  }

  async list(actor: Actor, id: string): Promise<{ items: ConversationAttribute[] }> {
    await this.#groups.requireReader(actor, id)
    return { items: await readAttributes(this.#database.project(actor.projectId), actor.projectId, id) }
  }

  /** All of the change or nothing of it; answers all attributes as they are then. */
  update(
    actor: Actor,
    id: string,
    { set = {}, remove = [], versions = {} }: AttributesChange,
  ): Promise<{ items: ConversationAttribute[] }> {
    return this.#groups.changes.run(actor, id, async (group) => {
      group.require(group.rules.settings.whoMay.editAttributes)
      const { tx, projectId } = group
      const present = new Map((await readAttributes(tx, projectId, id)).map((each) => [each.key, each]))
      for (const [key, version] of Object.entries(versions)) {
        if ((present.get(key)?.version ?? 0) !== version)
          throw new AppError('version-mismatch', `${key} has another version`)
      }
      const removed = remove.filter((key) => present.has(key) && !Object.hasOwn(set, key))
      const keys = Object.keys(set).filter((key) => present.get(key)?.value !== set[key])
      if (removed.length + keys.length === 0) return { answer: { items: [...present.values()] } }
      await tx.query({
        text: 'delete from chat.attributes where project_id = $1 and conversation_id = $2 and key = any($3)',
        values: [projectId, id, removed],
      })
      await tx.query({
        text: `insert into chat.attributes as a (project_id, conversation_id, key, value, version, updated_by)
          select $1, $2, k.key, k.value, $5, $6 from unnest($3::text[], $4::text[]) as k (key, value)
          on conflict (project_id, conversation_id, key) do update
          set value = excluded.value, version = excluded.version, updated_by = excluded.updated_by, updated_at = now()`,
        values: [projectId, id, keys, keys.map((key) => set[key]), group.version, actor.userId ?? null],
      })
      const items = await readAttributes(tx, projectId, id)
      if (items.length > maxAttributes)
        throw new AppError('limit-exceeded', `A group has at most ${maxAttributes} attributes`)
      const changed = Object.fromEntries(keys.map((key) => [key, set[key] ?? '']))
      return { content: { type: 'attributes-changed', set: changed, removed }, answer: { items } }
    })
  }
}

async function readAttributes(
  store: Pick<Transaction, 'query'>,
  projectId: string,
  id: string,
): Promise<ConversationAttribute[]> {
  const { rows } = await store.query<AttributeRow>({
    text: `select key, value, version, updated_by, updated_at from chat.attributes
      where project_id = $1 and conversation_id = $2 order by key`,
    values: [projectId, id],
  })
  return rows.map((row) => ({
    key: row.key,
    value: row.value,
    version: row.version,
    ...(row.updated_by !== null && { updatedBy: row.updated_by }),
    updatedAt: row.updated_at.toISOString(),
  }))
}
