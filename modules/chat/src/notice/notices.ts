import { AppError, type Notice, type NoticeAudience, newId } from '@parley/contracts'
import type { Outbox } from '@parley/core/outbox'
import type { Database, Transaction } from '@parley/core/store'
import type { UserDirectory } from '../ports.ts'

export interface NewNotice {
  audience: NoticeAudience
  content: Notice['content']
  /** Milliseconds from now. */
  expiresInMs: number
}

export interface NoticesOptions {
  database: Database
  outbox: Outbox
  users: UserDirectory
}

export interface NoticePage {
  items: Notice[]
  readNo: number
  unread: number
  more: boolean
}

const maxUnread = 999

/**
 * Notices of the system: written once by the customer's server, found by whoever they are for when they read. A user
 * is in a broadcast by tag as long as the user has the tag.
 */
export class Notices {
  readonly #options: NoticesOptions

  constructor(options: NoticesOptions) {
    this.#options = options
  }

  /** Throws `user-not-found` when one of the users named is missing. */
  async create(projectId: string, { audience, content, expiresInMs }: NewNotice): Promise<Notice> {
    const { database, outbox, users } = this.#options
    const project = database.project(projectId)
    const userIds = audience.kind === 'users' ? [...new Set(audience.userIds)] : []
    if (userIds.length > 0) await users.ensure(project, userIds)
    const id = newId('notice')
    return project.transaction(async (tx) => {
      const no = await nextNo(tx, projectId)
      const { rows } = await tx.query<NoticeRow>({
        text: `with receivers as (
            insert into chat.notice_receivers (project_id, user_id, no)
            select $1, u.user_id, $2 from unnest($7::text[]) as u (user_id)
          )
          insert into chat.notices as n (project_id, no, id, kind, tags, content, expires_at)
          values ($1, $2, $3, $4, $5, $6, now() + $8 * interval '1 millisecond') returning ${noticeColumns}`,
        values: [
          ...[projectId, no, id, audience.kind, audience.kind === 'tags' ? audience.tags : null],
          ...[JSON.stringify(content), userIds, expiresInMs],
        ],
      })
      const [row] = rows
      if (row === undefined) throw new AppError('internal-error')
      await outbox.append(tx, [
        { projectId, resource: 'notices', type: 'notice.created', data: { noticeId: id, no } },
      ])
      return toNotice(row)
    })
  }

  async get(projectId: string, noticeId: string): Promise<Notice & { audience: NoticeAudience }> {
    const { rows } = await this.#options.database
      .project(projectId)
      .query<NoticeRow & { kind: NoticeAudience['kind']; tags: string[] | null; user_ids: string[] }>({
        text: `select ${noticeColumns}, n.kind, n.tags, coalesce((
          select array_agg(r.user_id order by r.user_id) from chat.notice_receivers r
          where r.project_id = n.project_id and r.no = n.no
        ), '{}') as user_ids
        from chat.notices n where n.project_id = $1 and n.id = $2`,
        values: [projectId, noticeId],
      })
    const [row] = rows
    if (row === undefined) throw noticeNotFound(noticeId)
    return { ...toNotice(row), audience: audienceOf(row) }
  }

  async withdraw(projectId: string, noticeId: string): Promise<void> {
    const { database, outbox } = this.#options
    await database.project(projectId).transaction(async (tx) => {
      const { rows } = await tx.query<{ no: number }>({
        text: `with gone as (
            delete from chat.notices where project_id = $1 and id = $2 returning project_id, no
          ), receivers as (
            delete from chat.notice_receivers r using gone g where r.project_id = g.project_id and r.no = g.no
          )
          select no from gone`,
        values: [projectId, noticeId],
      })
      const [row] = rows
      if (row === undefined) throw noticeNotFound(noticeId)
      const data = { noticeId, no: row.no }
      await outbox.append(tx, [{ projectId, resource: 'notices', type: 'notice.withdrawn', data }])
    })
  }

  /** Notices to the user after a number, in order. */
  async list(
    projectId: string,
    userId: string,
    { afterNo, limit }: { afterNo: number; limit: number },
  ): Promise<NoticePage> {
    const project = this.#options.database.project(projectId)
    const { rows } = await project.query<NoticeRow>({
      name: 'chat-list-notices',
      text: `${toUser('$3')} select ${noticeColumns} from found n order by n.no limit $4`,
      values: [projectId, userId, afterNo, limit + 1],
    })
    const { readNo, unread } = await this.#state(project, projectId, userId)
    return { items: rows.slice(0, limit).map(toNotice), readNo, unread, more: rows.length > limit }
  }

  /** Moves the read cursor forward, never beyond the newest notice of the project. */
  async read(projectId: string, userId: string, no: number): Promise<{ readNo: number; unread: number }> {
    const project = this.#options.database.project(projectId)
    await project.query({
      name: 'chat-read-notices',
      text: `insert into chat.notice_cursors as c (project_id, user_id, read_no)
        select $1, $2, least($3::bigint, coalesce((select head_no from chat.notice_heads where project_id = $1), 0))
        on conflict (project_id, user_id) do update set read_no = greatest(c.read_no, excluded.read_no)`,
      values: [projectId, userId, no],
    })
    return this.#state(project, projectId, userId)
  }

  async #state(
    store: Pick<Transaction, 'query'>,
    projectId: string,
    userId: string,
  ): Promise<{ readNo: number; unread: number }> {
    const { rows } = await store.query<{ read_no: number; unread: number }>({
      name: 'chat-notices-state',
      text: `${toUser(readNoOf)} select ${readNoOf} as read_no, (
          select count(*)::int from (select from found limit ${maxUnread}) counted
        ) as unread`,
      values: [projectId, userId],
    })
    return { readNo: rows[0]?.read_no ?? 0, unread: rows[0]?.unread ?? 0 }
  }

  async setTags(projectId: string, userId: string, tags: readonly string[]): Promise<string[]> {
    const { database, users } = this.#options
    const project = database.project(projectId)
    await users.ensure(project, [userId])
    const all = [...new Set(tags)].sort()
    await project.query({
      text: `insert into chat.user_tags (project_id, user_id, tags) values ($1, $2, $3)
        on conflict (project_id, user_id) do update set tags = excluded.tags`,
      values: [projectId, userId, all],
    })
    return all
  }

  async tags(projectId: string, userId: string): Promise<string[]> {
    const { database, users } = this.#options
    const project = database.project(projectId)
    await users.ensure(project, [userId])
    const { rows } = await project.query<{ tags: string[] }>({
      text: 'select tags from chat.user_tags where project_id = $1 and user_id = $2',
      values: [projectId, userId],
    })
    return rows[0]?.tags ?? []
  }

  /** Those of the users whom a notice is for, and the notice; undefined once it is withdrawn. */
  async receivers(
    projectId: string,
    no: number,
    online: readonly string[],
  ): Promise<{ notice: Notice; userIds: string[] } | undefined> {
    const project = this.#options.database.project(projectId)
    const { rows } = await project.query<NoticeRow & { kind: NoticeAudience['kind']; tags: string[] | null }>(
      {
        name: 'chat-notice-by-no',
        text: `select ${noticeColumns}, n.kind, n.tags from chat.notices n where n.project_id = $1 and n.no = $2`,
        values: [projectId, no],
      },
    )
    const [row] = rows
    if (row === undefined) return undefined
    const notice = toNotice(row)
    if (row.kind === 'all') return { notice, userIds: [...online] }
    const { rows: found } = await project.query<{ user_id: string }>(
      row.kind === 'users'
        ? {
            name: 'chat-notice-receivers',
            text: `select user_id from chat.notice_receivers
              where project_id = $1 and no = $2 and user_id = any($3)`,
            values: [projectId, no, online],
          }
        : {
            name: 'chat-users-with-tags',
            text: `select user_id from chat.user_tags
              where project_id = $1 and tags && $2::text[] and user_id = any($3)`,
            values: [projectId, row.tags, online],
          },
    )
    return { notice, userIds: found.map(({ user_id }) => user_id) }
  }
}

const noticeNotFound = (noticeId: string): AppError =>
  new AppError('not-found', `There is no notice ${noticeId}`)

/** `found`: what is for the user ($2) above a number and has not expired. Two short scans, neither over all notices. */
const toUser = (afterNo: string): string => `with found as (
    select n.* from chat.notice_receivers r
    join chat.notices n on n.project_id = r.project_id and n.no = r.no and n.expires_at > now()
    where r.project_id = $1 and r.user_id = $2 and r.no > ${afterNo}
    union all
    select n.* from chat.notices n
    where n.project_id = $1 and n.kind <> 'users' and n.no > ${afterNo} and n.expires_at > now()
      and (n.kind = 'all' or n.tags && coalesce((
        select t.tags from chat.user_tags t where t.project_id = $1 and t.user_id = $2), '{}'))
  )`

const readNoOf = `coalesce((
    select c.read_no from chat.notice_cursors c where c.project_id = $1 and c.user_id = $2), 0)`

async function nextNo(tx: Transaction, projectId: string): Promise<number> {
  const { rows } = await tx.query<{ head_no: number }>({
    text: `insert into chat.notice_heads as h (project_id, head_no) values ($1, 1)
      on conflict (project_id) do update set head_no = h.head_no + 1 returning head_no`,
    values: [projectId],
  })
  return rows[0]?.head_no ?? 0
}

interface NoticeRow {
  no: number
  id: string
  content: Notice['content']
  created_at: Date
  expires_at: Date
}

const noticeColumns = 'n.no, n.id, n.content, n.created_at, n.expires_at'

function toNotice(row: NoticeRow): Notice {
  return {
    id: row.id,
    no: row.no,
    content: row.content,
    createdAt: row.created_at.toISOString(),
    expiresAt: row.expires_at.toISOString(),
  }
}

function audienceOf(row: {
  kind: NoticeAudience['kind']
  tags: string[] | null
  user_ids: string[]
}): NoticeAudience {
  if (row.kind === 'all') return { kind: 'all' }
  return row.kind === 'tags'
    ? { kind: 'tags', tags: row.tags ?? [] }
    : { kind: 'users', userIds: row.user_ids }
}
