import { AppError, type SocialOperations, type SocialProfile } from '@parley/contracts'
import type { Actor } from '@parley/core/operations'
import type { StoredEvent } from '@parley/core/outbox'
import type { z } from 'zod'
import { notApart } from '../block/block-store.ts'
import type { SocialParts } from '../parts.ts'
import type { Profiles } from './profiles.ts'

type Question = z.output<SocialOperations['user.search']['frame']>
type Way = 'id' | 'name' | 'phone' | 'email'

interface Hit {
  user_id: string
  matched: string | null
}

/** Finding people, by ways the project allows (SOC-35 to SOC-37). */
export class UserSearch {
  readonly #parts: SocialParts
  readonly #profiles: Profiles

  constructor(parts: SocialParts, profiles: Profiles) {
    this.#parts = parts
    this.#profiles = profiles
  }

  async search(actor: Actor, question: Question): Promise<(SocialProfile & { matched?: string })[]> {
    const way = wayOf(question)
    const { search } = await this.#parts.settings.get(actor.projectId)
    // The customer's server may look in every way.
    if (actor.userId !== undefined && !search[way]) {
      throw new AppError('forbidden', `This project does not let users be found by ${way}`)
    }
    const hits = await this.#hits(actor, way, question)
    const matched = new Map(hits.map((hit) => [hit.user_id, hit.matched]))
    const profiles = await this.#profiles.query(actor, [...matched.keys()])
    return profiles.map((profile) => {
      const by = matched.get(profile.userId)
      return by === null || by === undefined ? profile : { ...profile, matched: by }
    })
  }

  /** Keeps the copy of names that search reads. */
  async takeNames(events: readonly StoredEvent[]): Promise<void> {
    const { database, users } = this.#parts
    const byProject = new Map<string, Set<string>>()
    for (const { projectId, data } of events) {
      if (!('userId' in data)) continue
      const userIds = byProject.get(projectId) ?? new Set()
      byProject.set(projectId, userIds.add(data.userId))
    }
    for (const [projectId, userIds] of byProject) {
      const project = database.project(projectId)
      const known = await users.getMany(project, [...userIds])
      const named = [...known.values()].flatMap(({ id, name }) => (name === undefined ? [] : [{ id, name }]))
      if (named.length === 0) continue
      await project.query({
        name: 'social-take-names',
        text: `insert into social.profiles (project_id, user_id, search_name)
          select $1, user_id, name from unnest($2::text[], $3::text[]) as named(user_id, name)
          on conflict (project_id, user_id) do update set search_name = excluded.search_name`,
        values: [projectId, named.map(({ id }) => id), named.map(({ name }) => searchName(name))],
      })
    }
  }

  async #hits({ projectId, userId }: Actor, way: Way, question: Question): Promise<Hit[]> {
    const { database } = this.#parts
    const open = `($2::text is null or (p.user_id <> $2 and ${notApart('p.user_id', '$2::text')}))`
    const query = async (condition: string, matched: string, value: unknown): Promise<Hit[]> => {
      const { rows } = await database.project(projectId).query<Hit>({
        text: `select p.user_id, ${matched} as matched from social.profiles p
          where p.project_id = $1 and ${condition} and ${open} order by p.search_name, p.user_id limit $4`,
        values: [projectId, userId ?? null, value, question.limit],
      })
      return rows
    }
    switch (way) {
      case 'id': {
        const { rows } = await database.project(projectId).query<Hit>({
          text: `select p.user_id, null as matched from (select $3::text collate "C" as user_id) p
            where $1::text is not null and ${open}`,
          values: [projectId, userId ?? null, question.exactId],
        })
        return rows
      }
      case 'name': {
        const prefix = searchName(question.name ?? '').replace(/[\\%_]/g, '\\$&')
        return query(`p.search_name like $3`, 'null::text', `${prefix}%`)
      }
      case 'phone':
        return query('p.phone_hash = any($3::text[])', 'p.phone_hash', question.phoneHashes)
      case 'email':
        return query('p.email_hash = any($3::text[])', 'p.email_hash', question.emailHashes)
    }
  }
}

const searchName = (name: string): string => name.normalize('NFKC').toLowerCase().slice(0, 256).toWellFormed()

function wayOf({ exactId, name, phoneHashes, emailHashes }: Question): Way {
  const ways = { id: exactId, name, phone: phoneHashes, email: emailHashes }
  const given = (Object.keys(ways) as Way[]).filter((way) => ways[way] !== undefined)
  const [way] = given
  if (way !== undefined && given.length === 1) return way
  throw new AppError('invalid-request', 'Exactly one of exactId, name, phoneHashes and emailHashes', {
    issues: [{ path: 'exactId', message: 'exactly one way a call' }],
  })
}
