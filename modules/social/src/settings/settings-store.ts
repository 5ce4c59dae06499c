import { defaultSocialSettings, type SocialSettings } from '@parley/contracts'
import type { Outbox } from '@parley/core/outbox'
import type { Database } from '@parley/core/store'

type Change = { [Key in keyof SocialSettings]?: SocialSettings[Key] | undefined }

/** How people of a project may find and befriend each other; kept in memory until the tail tells of a change. */
export class SettingsStore {
  readonly #database: Database
  readonly #outbox: Outbox
  readonly #known = new Map<string, Promise<SocialSettings>>()

  constructor(database: Database, outbox: Outbox) {
    this.#database = database
    this.#outbox = outbox
  }

  get(projectId: string): Promise<SocialSettings> {
    const known = this.#known.get(projectId)
    if (known) return known
    const asked = this.#read(projectId)
    this.#known.set(projectId, asked)
    asked.catch(() => {
      if (this.#known.get(projectId) === asked) this.#known.delete(projectId)
    })
    return asked
  }

  /** What is absent stays. */
  async update(projectId: string, change: Change): Promise<SocialSettings> {
    await this.#database.project(projectId).transaction(async (tx) => {
      await tx.query({
        text: `insert into social.settings as s (project_id, settings) values ($1, $2::jsonb)
          on conflict (project_id) do update set settings = s.settings || excluded.settings`,
        values: [projectId, JSON.stringify(change)],
      })
      await this.#outbox.append(tx, [
        { projectId, resource: 'social/settings', type: 'social.settings-changed', data: {} },
      ])
    })
    this.forget(projectId)
    return this.get(projectId)
  }

  forget(projectId: string): void {
    this.#known.delete(projectId)
  }

  async #read(projectId: string): Promise<SocialSettings> {
    const { rows } = await this.#database.project(projectId).query<{ settings: Partial<SocialSettings> }>({
      text: 'select settings from social.settings where project_id = $1',
      values: [projectId],
    })
    return { ...defaultSocialSettings, ...rows[0]?.settings }
  }
}
