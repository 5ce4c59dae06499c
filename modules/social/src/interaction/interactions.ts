import type { Interaction } from '@parley/contracts'
import type { UserActor } from '@parley/core/operations'
import { decodeNumberCursor, type PageRequest, toPage } from '@parley/core/pages'
import type { Queryable } from '@parley/core/store'
import { notApart } from '../block/block-store.ts'
import { visibleTo } from '../moment/visibility.ts'
import type { SocialParts } from '../parts.ts'
import { type InteractionRow, interactionColumns, toInteraction } from './interaction-store.ts'

const maxUnread = 999

/** Of an interaction `i` of the user `$2`: what a block or the moment's own rules hide is hidden here, too. */
const shown = `${notApart('i.actor_id', '$2::text')} and (i.moment_id is null or exists (
    select from social.moments m where m.project_id = $1 and m.id = i.moment_id and ${visibleTo('$2::text')}))`

/** What others did with a user's moments, words and name (SOC-70 to SOC-74). */
export class Interactions {
  readonly #parts: SocialParts

  constructor(parts: SocialParts) {
    this.#parts = parts
  }

  async list(
    { projectId, userId }: UserActor,
    { limit, cursor }: PageRequest,
  ): Promise<{ items: Interaction[]; nextCursor?: string; unread: number; readNo: number }> {
    const project = this.#parts.database.project(projectId)
    const { rows } = await project.query<InteractionRow>({
      text: `select ${interactionColumns} from social.interactions i
        where project_id = $1 and user_id = $2 and ($3::bigint is null or no < $3) and ${shown}
        order by no desc limit $4`,
      values: [projectId, userId, decodeNumberCursor(cursor) ?? null, limit + 1],
    })
    const page = toPage(rows, limit, { keyOf: (row) => Number(row.no), itemOf: toInteraction })
    return { ...page, ...(await this.unread(project, projectId, userId)) }
  }

  /** Never moves back, and never beyond what there is. */
  async read({ projectId, userId }: UserActor, no: number): Promise<{ readNo: number; unread: number }> {
    const project = this.#parts.database.project(projectId)
    await project.query({
      text: `update social.people
        set interaction_read_no = greatest(interaction_read_no, least($3::bigint, interaction_no))
        where project_id = $1 and user_id = $2`,
      values: [projectId, userId, no],
    })
    return this.unread(project, projectId, userId)
  }

  async unread(
    queryable: Queryable,
    projectId: string,
    userId: string,
  ): Promise<{ readNo: number; unread: number }> {
    const { rows } = await queryable.query<{ read_no: string | number; unread: number }>({
      text: `select p.interaction_read_no as read_no, (select count(*)::int from (
            select from social.interactions i where i.project_id = $1 and i.user_id = $2
              and i.no > p.interaction_read_no and ${shown} limit ${maxUnread}
          ) as counted) as unread
        from social.people p where p.project_id = $1 and p.user_id = $2`,
      values: [projectId, userId],
    })
    return { readNo: Number(rows[0]?.read_no ?? 0), unread: rows[0]?.unread ?? 0 }
  }
}
