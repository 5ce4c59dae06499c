import { AppError, type MomentComment, type MomentLike, newId } from '@parley/contracts'
import type { Actor, UserActor } from '@parley/core/operations'
import { decodeCursor, type PageRequest, toPage } from '@parley/core/pages'
import { apartFrom, notApart } from '../block/block-store.ts'
import { type NewInteraction, noteInteractions } from '../interaction/interaction-store.ts'
import type { SocialParts } from '../parts.ts'
import { lockPeople } from '../people/people.ts'
import { findMoment, holdMoment, seeing } from './moment-store.ts'
import { MomentNotFoundError } from './moments.ts'

interface CommentRow {
  id: string
  moment_id: string
  author_id: string
  reply_to_id: string | null
  reply_to_user_id: string | null
  text: string
  mentions: string[]
  created_at: Date
}

interface NewComment {
  momentId: string
  text: string
  replyToCommentId?: string | undefined
  mentions: readonly string[]
}

const commentColumns = 'id, moment_id, author_id, reply_to_id, reply_to_user_id, text, mentions, created_at'

/** Likes of and comments on moments (SOC-60 to SOC-66). Whoever may see a moment may do both. */
export class Responses {
  readonly #parts: SocialParts

  constructor(parts: SocialParts) {
    this.#parts = parts
  }

  /** Liked again is the same. */
  async like({ projectId, userId }: UserActor, momentId: string): Promise<{ likes: number }> {
    const { database, outbox } = this.#parts
    const authorId = await this.#authorOf(projectId, momentId, userId)
    return database.project(projectId).transaction(async (tx) => {
      await lockPeople(tx, projectId, [authorId, userId], 'look')
      const row = await holdMoment(tx, projectId, momentId, userId)
      if (row === undefined) throw new MomentNotFoundError()
      const values = [projectId, momentId, userId]
      const { rowCount } = await tx.query({
        text: `insert into social.likes (project_id, moment_id, user_id) values ($1, $2, $3)
          on conflict do nothing`,
        values,
      })
      if (rowCount === 0) return { likes: row.likes }
      await tx.query({
        text: 'update social.moments set likes = likes + 1 where project_id = $1 and id = $2',
        values: values.slice(0, 2),
      })
      await outbox.append(tx, [
        { projectId, resource: `moment/${momentId}`, type: 'moment.liked', data: { momentId, userId } },
      ])
      if (authorId !== userId) {
        const liked = { userId: authorId, kind: 'liked', actorId: userId, momentId } as const
        await noteInteractions(tx, this.#parts, projectId, [liked])
      }
      return { likes: row.likes + 1 }
    })
  }

  async unlike({ projectId, userId }: UserActor, momentId: string): Promise<{ likes: number }> {
    const { database, outbox } = this.#parts
    return database.project(projectId).transaction(async (tx) => {
      const row = await holdMoment(tx, projectId, momentId, userId)
      if (row === undefined) throw new MomentNotFoundError()
      const values = [projectId, momentId, userId]
      const { rowCount } = await tx.query({
        text: 'delete from social.likes where project_id = $1 and moment_id = $2 and user_id = $3',
        values,
      })
      if (rowCount === 0) return { likes: row.likes }
      await tx.query({
        text: 'update social.moments set likes = likes - 1 where project_id = $1 and id = $2',
        values: values.slice(0, 2),
      })
      await tx.query({
        text: `delete from social.interactions
          where project_id = $1 and moment_id = $2 and actor_id = $3 and kind = 'liked'`,
        values,
      })
      await outbox.append(tx, [
        { projectId, resource: `moment/${momentId}`, type: 'moment.unliked', data: { momentId, userId } },
      ])
      return { likes: row.likes - 1 }
    })
  }

  async likes(
    { projectId, userId }: Actor,
    momentId: string,
    { limit, cursor }: PageRequest,
  ): Promise<{ items: MomentLike[]; nextCursor?: string }> {
    await this.#authorOf(projectId, momentId, userId)
    const { rows } = await this.#parts.database
      .project(projectId)
      .query<{ user_id: string; created_at: Date }>({
        text: `select user_id, created_at from social.likes l
        where project_id = $1 and moment_id = $2 and user_id > $3
          and ($4::text is null or ${notApart('l.user_id', '$4::text')}) order by user_id limit $5`,
        values: [projectId, momentId, decodeCursor(cursor) ?? '', userId ?? null, limit + 1],
      })
    return toPage(rows, limit, {
      keyOf: (row) => row.user_id,
      itemOf: (row) => ({ userId: row.user_id, createdAt: row.created_at.toISOString() }),
    })
  }

  /** Throws `blocked` when somebody who is mentioned is in a block with the user. */
  async comment({ projectId, userId }: UserActor, given: NewComment): Promise<MomentComment> {
    const { database, outbox, users, gate, config } = this.#parts
    const { momentId, replyToCommentId } = given
    const project = database.project(projectId)
    const mentions = [...new Set(given.mentions)].filter((id) => id !== userId)
    await users.ensure(project, mentions)
    const authorId = await this.#authorOf(projectId, momentId, userId)
    const replied =
      replyToCommentId === undefined
        ? undefined
        : await this.#commentAuthor(projectId, momentId, replyToCommentId)
    if (replyToCommentId !== undefined && replied === undefined) {
      throw new AppError('not-found', 'There is no such comment')
    }
    const screened = await gate?.check({ projectId, userId, kind: 'comment', texts: [given.text], media: [] })
    const text = screened?.[0] ?? given.text
    const id = newId('momentComment')
    return project.transaction(async (tx) => {
      const concerned = [...mentions, ...(replied === undefined ? [] : [replied])]
      await lockPeople(tx, projectId, [authorId, userId, ...concerned], 'look')
      const apart = await apartFrom(tx, projectId, userId, concerned)
      const row = await holdMoment(tx, projectId, momentId, userId)
      if (row === undefined) throw new MomentNotFoundError()
      if (apart.size > 0) throw new AppError('blocked')
      if (row.comments >= config.maxComments)
        throw new AppError('limit-exceeded', 'The moment takes no more comments')
      const { rows } = await tx.query<CommentRow>({
        text: `insert into social.comments
            (project_id, moment_id, id, author_id, reply_to_id, reply_to_user_id, text, mentions)
          values ($1, $2, $3, $4, $5, $6, $7, $8) returning ${commentColumns}`,
        values: [projectId, momentId, id, userId, replyToCommentId ?? null, replied ?? null, text, mentions],
      })
      await tx.query({
        text: 'update social.moments set comments = comments + 1 where project_id = $1 and id = $2',
        values: [projectId, momentId],
      })
      const data = { momentId, commentId: id, userId }
      await outbox.append(tx, [{ projectId, resource: `moment/${momentId}`, type: 'moment.commented', data }])
      const told = await seeing(tx, projectId, momentId, concerned)
      await noteInteractions(
        tx,
        this.#parts,
        projectId,
        concernedBy({ userId, authorId, replied, mentions, told, momentId, id }),
      )
      const [made] = rows
      if (made === undefined) throw new Error('the statement answered no row')
      return toComment(made)
    })
  }

  /** By who wrote it, by the author of the moment, or by the customer's server. */
  async removeComment({ projectId, userId }: Actor, momentId: string, commentId: string): Promise<void> {
    const { database, outbox } = this.#parts
    await database.project(projectId).transaction(async (tx) => {
      const row = await holdMoment(tx, projectId, momentId, undefined)
      const values = [projectId, momentId, commentId]
      const { rows } = await tx.query<{ author_id: string }>({
        text: 'select author_id from social.comments where project_id = $1 and moment_id = $2 and id = $3',
        values,
      })
      const [comment] = rows
      if (row === undefined || comment === undefined)
        throw new AppError('not-found', 'There is no such comment')
      const own = userId === undefined || userId === comment.author_id || userId === row.author_id
      if (!own) {
        if (!(await findMoment(tx, projectId, momentId, userId))) throw new MomentNotFoundError()
        throw new AppError(
          'forbidden',
          'Comments are deleted by who wrote them and by the author of the moment',
        )
      }
      await tx.query({
        text: 'delete from social.comments where project_id = $1 and moment_id = $2 and id = $3',
        values,
      })
      await tx.query({
        text: 'update social.moments set comments = comments - 1 where project_id = $1 and id = $2',
        values: values.slice(0, 2),
      })
      await tx.query({
        text: 'delete from social.interactions where project_id = $1 and moment_id = $2 and comment_id = $3',
        values,
      })
      const data = { momentId, commentId, userId: comment.author_id }
      await outbox.append(tx, [
        { projectId, resource: `moment/${momentId}`, type: 'moment.comment-deleted', data },
      ])
    })
  }

  async comments(
    { projectId, userId }: Actor,
    momentId: string,
    { limit, cursor }: PageRequest,
  ): Promise<{ items: MomentComment[]; nextCursor?: string }> {
    await this.#authorOf(projectId, momentId, userId)
    const { rows } = await this.#parts.database.project(projectId).query<CommentRow>({
      text: `select id, moment_id, author_id, reply_to_id, text, mentions, created_at,
          case when $4::text is null or ${notApart('c.reply_to_user_id', '$4::text')} then reply_to_user_id end
            as reply_to_user_id
        from social.comments c where project_id = $1 and moment_id = $2 and id > $3
          and ($4::text is null or ${notApart('c.author_id', '$4::text')}) order by id limit $5`,
      values: [projectId, momentId, decodeCursor(cursor) ?? '', userId ?? null, limit + 1],
    })
    return toPage(rows, limit, { keyOf: (row) => row.id, itemOf: toComment })
  }

  async #authorOf(projectId: string, momentId: string, readerId: string | undefined): Promise<string> {
    const row = await findMoment(this.#parts.database.project(projectId), projectId, momentId, readerId)
    if (row === undefined) throw new MomentNotFoundError()
    return row.author_id
  }

  async #commentAuthor(projectId: string, momentId: string, commentId: string): Promise<string | undefined> {
    const { rows } = await this.#parts.database.project(projectId).query<{ author_id: string }>({
      text: 'select author_id from social.comments where project_id = $1 and moment_id = $2 and id = $3',
      values: [projectId, momentId, commentId],
    })
    return rows[0]?.author_id
  }
}

/** Each is told once, by what concerns them most; nobody of what they did themselves. */
function concernedBy(comment: {
  userId: string
  authorId: string
  replied: string | undefined
  mentions: readonly string[]
  told: ReadonlySet<string>
  momentId: string
  id: string
}): NewInteraction[] {
  const { userId, authorId, replied, mentions, told, momentId, id } = comment
  const kinds = new Map<string, NewInteraction['kind']>()
  for (const mentioned of mentions) if (told.has(mentioned)) kinds.set(mentioned, 'mentioned')
  kinds.set(authorId, 'commented')
  if (replied !== undefined && told.has(replied)) kinds.set(replied, 'replied')
  kinds.delete(userId)
  return [...kinds].map(([to, kind]) => ({ userId: to, kind, actorId: userId, momentId, commentId: id }))
}

function toComment(row: CommentRow): MomentComment {
  const { reply_to_id: commentId, reply_to_user_id: repliedTo } = row
  return {
    id: row.id,
    momentId: row.moment_id,
    authorId: row.author_id,
    ...(commentId !== null && repliedTo !== null && { replyTo: { commentId, userId: repliedTo } }),
    text: row.text,
    mentions: row.mentions,
    createdAt: row.created_at.toISOString(),
  }
}
