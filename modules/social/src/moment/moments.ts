import { AppError, type Moment, newId, type SocialOperations } from '@parley/contracts'
import type { Actor, UserActor } from '@parley/core/operations'
import { decodeCursor, type PageRequest, toPage } from '@parley/core/pages'
import type { Transaction } from '@parley/core/store'
import type { z } from 'zod'
import { apartFrom } from '../block/block-store.ts'
import { noteInteractions } from '../interaction/interaction-store.ts'
import type { SocialParts } from '../parts.ts'
import { lockPeople } from '../people/people.ts'
import {
  findMoment,
  holdMoment,
  type MomentRow,
  momentColumns,
  momentReader,
  seeing,
} from './moment-store.ts'
import { readTimeline } from './timeline.ts'
import { visibleTo } from './visibility.ts'

type NewMoment = z.output<SocialOperations['moment.create']['frame']>

export class MomentNotFoundError extends AppError {
  constructor() {
    super('not-found', 'There is no such moment')
  }
}

/** What people publish, and who sees it (SOC-50 to SOC-59). */
export class Moments {
  readonly #parts: SocialParts

  constructor(parts: SocialParts) {
    this.#parts = parts
  }

  /** One row, whoever may see it. The same `clientMomentId` again answers the moment that is there. */
  async create(actor: UserActor, given: NewMoment): Promise<Moment> {
    const { projectId, userId } = actor
    const { database, outbox, users, media } = this.#parts
    const project = database.project(projectId)
    requireContent(given)
    const mentions = [...new Set(given.mentions)].filter((id) => id !== userId)
    await users.ensure(project, [userId, ...mentions])
    if (given.clientMomentId !== undefined) {
      const known = await this.#byClientId(actor, given.clientMomentId)
      if (known) return known
    }
    const files = await media.describe(project, given.objectIds, { requireStored: true })
    const facts = given.objectIds.flatMap((objectId) => {
      const file = files.get(objectId)
      return file ? [{ objectId, ...withoutAddresses(file) }] : []
    })
    const text = await this.#screened(actor, given.text, facts)
    const id = newId('moment')
    const made = await project.transaction(async (tx) => {
      await lockPeople(tx, projectId, [userId, ...mentions], 'look')
      if ((await apartFrom(tx, projectId, userId, mentions)).size > 0) throw new AppError('blocked')
      const { rowCount } = await tx.query({
        name: 'social-create-moment',
        text: `insert into social.moments (project_id, id, author_id, client_moment_id, text, media, location,
            mentions, custom, visibility, labels, excluded)
          values ($1, $2, $3, $4, $5, $6::jsonb, $7::jsonb, $8, $9::jsonb, $10, $11, $12) on conflict do nothing`,
        values: [
          ...[projectId, id, userId, given.clientMomentId ?? null, text, JSON.stringify(facts)],
          given.location ? JSON.stringify(given.location) : null,
          mentions,
          given.custom ? JSON.stringify(given.custom) : null,
          given.visibility,
          given.visibility === 'labels' ? [...new Set(given.labels)] : [],
          [...new Set(given.excludedUserIds)],
        ],
      })
      if (rowCount === 0) return false
      await countMoment(tx, projectId, userId, 1)
      await outbox.append(tx, [
        {
          projectId,
          resource: `moment/${id}`,
          type: 'moment.created',
          data: { momentId: id, authorId: userId },
        },
      ])
      const told = await seeing(tx, projectId, id, mentions)
      const noted = [...told].map((to) => ({
        userId: to,
        kind: 'mentioned' as const,
        actorId: userId,
        momentId: id,
      }))
      await noteInteractions(tx, this.#parts, projectId, noted)
      return true
    })
    if (made) return this.get(actor, id)
    const known = given.clientMomentId && (await this.#byClientId(actor, given.clientMomentId))
    if (!known) throw new AppError('conflict', 'The moment was deleted meanwhile')
    return known
  }

  /** Throws `not-found` for what the reader may not see. */
  async get({ projectId, userId }: Actor, momentId: string): Promise<Moment> {
    const { database, media } = this.#parts
    const row = await findMoment(database.project(projectId), projectId, momentId, userId)
    if (row === undefined) throw new MomentNotFoundError()
    return momentReader(media, projectId, userId)(row)
  }

  /** Of the author alone; the customer's server deletes any. Likes, comments and interactions go with it. */
  async remove({ projectId, userId }: Actor, momentId: string): Promise<void> {
    const { database, outbox } = this.#parts
    await database.project(projectId).transaction(async (tx) => {
      const row = await holdMoment(tx, projectId, momentId, userId)
      if (row === undefined || (userId !== undefined && row.author_id !== userId))
        throw new MomentNotFoundError()
      const { author_id: authorId } = row
      const values = [projectId, momentId]
      await tx.query({ text: 'delete from social.moments where project_id = $1 and id = $2', values })
      await tx.query({
        text: 'delete from social.interactions where project_id = $1 and moment_id = $2',
        values,
      })
      await countMoment(tx, projectId, authorId, -1)
      await outbox.append(tx, [
        { projectId, resource: `moment/${momentId}`, type: 'moment.deleted', data: { momentId, authorId } },
      ])
    })
  }

  timeline(actor: UserActor, page: PageRequest): ReturnType<typeof readTimeline> {
    return readTimeline(this.#parts, actor, page)
  }

  /** Moments of one author as the reader may see them. */
  async list(
    { projectId, userId }: Actor,
    { authorId = userId, limit, cursor }: PageRequest & { authorId?: string | undefined },
  ): Promise<{ items: Moment[]; nextCursor?: string }> {
    const { database, media } = this.#parts
    if (authorId === undefined) {
      throw new AppError('invalid-request', 'With an API key, authorId or userId is needed', {
        issues: [{ path: 'authorId', message: 'is required with an API key' }],
      })
    }
    const { rows } = await database.project(projectId).query<MomentRow>({
      name: 'social-moments-of',
      text: `select ${momentColumns('$3::text')} from social.moments m
        where m.project_id = $1 and m.author_id = $2 and ($4::text is null or m.id < $4)
          and ${visibleTo('$3::text')} order by m.id desc limit $5`,
      values: [projectId, authorId, userId ?? null, decodeCursor(cursor) ?? null, limit + 1],
    })
    return toPage(rows, limit, { keyOf: (row) => row.id, itemOf: momentReader(media, projectId, userId) })
  }

  async #byClientId(actor: UserActor, clientMomentId: string): Promise<Moment | undefined> {
    const { projectId, userId } = actor
    const { rows } = await this.#parts.database.project(projectId).query<{ id: string }>({
      text: 'select id from social.moments where project_id = $1 and author_id = $2 and client_moment_id = $3',
      values: [projectId, userId, clientMomentId],
    })
    return rows[0] && this.get(actor, rows[0].id)
  }

  async #screened(
    { projectId, userId }: UserActor,
    text: string,
    media: readonly { objectId: string; contentType: string }[],
  ): Promise<string> {
    const { gate } = this.#parts
    if (gate === undefined) return text
    const texts = text === '' ? [] : [text]
    const [stored = ''] = await gate.check({ projectId, userId, kind: 'moment', texts, media })
    return stored
  }
}

function requireContent({ text, objectIds, visibility, labels }: NewMoment): void {
  if (text.trim() === '' && objectIds.length === 0) {
    throw new AppError('invalid-request', 'A moment holds text or files', {
      issues: [{ path: 'text', message: 'is required without objectIds' }],
    })
  }
  if (visibility === 'labels' && labels.length === 0) {
    throw new AppError('invalid-request', 'Labels say who may see it', {
      issues: [{ path: 'labels', message: 'is required with this visibility' }],
    })
  }
}

function withoutAddresses(file: Record<string, unknown> & { contentType: string }): { contentType: string } {
  const { url: _url, thumbnailUrl: _thumbnailUrl, ...facts } = file
  return facts as { contentType: string }
}

async function countMoment(
  tx: Transaction,
  projectId: string,
  userId: string,
  moments: 1 | -1,
): Promise<void> {
  await tx.query({
    name: 'social-count-moment',
    text: `insert into social.people as p (project_id, user_id, moments) values ($1, $2, $3)
      on conflict (project_id, user_id) do update set moments = p.moments + excluded.moments`,
    values: [projectId, userId, moments],
  })
}
