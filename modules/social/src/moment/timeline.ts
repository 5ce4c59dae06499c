import type { Moment } from '@parley/contracts'
import type { UserActor } from '@parley/core/operations'
import { decodeCursor, type PageRequest, toPage } from '@parley/core/pages'
import { notApart } from '../block/block-store.ts'
import type { SocialParts } from '../parts.ts'
import { type MomentRow, momentColumns, momentReader } from './moment-store.ts'
import { chosenFor } from './visibility.ts'

/** Ids of an author's newest moments before the cursor that the reader may see. */
const newestOf = (author: string, limit: 1 | '$4'): string => `select m.id from social.moments m
      where m.project_id = $1 and m.author_id = ${author}.author_id and ($3::text is null or m.id < $3)
        and ${chosenFor('$2::text', { friend: `${author}.friend`, labels: `${author}.labels`, follower: `${author}.follower` })}
      order by m.id desc limit ${limit}`

/**
 * The newest of the timelines of all authors, merged as they are read: a moment is one row, whoever follows. Each
 * author who has moments costs one look for the newest; a page of n moments can only hold those of the n authors whose
 * newest are the newest of all, so that only these are read further.
 */
const text = `with authors as materialized (
    select a.author_id, f.friend_id is not null as friend, coalesce(f.labels, '{}') as labels,
      o.user_id is not null as follower
    from (
      select $2::text collate "C" as author_id
      union select friend_id from social.friends where project_id = $1 and user_id = $2 and not removed
      union select followed_id from social.follows where project_id = $1 and user_id = $2
    ) a
    join social.people p on p.project_id = $1 and p.user_id = a.author_id and p.moments > 0
    left join social.friends f on f.project_id = $1 and f.user_id = a.author_id and f.friend_id = $2
      and not f.removed
    left join social.follows o on o.project_id = $1 and o.user_id = $2 and o.followed_id = a.author_id
    where ${notApart('a.author_id', '$2::text')}
  ), heads as materialized (
    select a.*, one.id as head from authors a cross join lateral (${newestOf('a', 1)}) one
    order by one.id desc limit $4
  ), newest as (
    select one.id from heads h cross join lateral (${newestOf('h', '$4')}) one
    order by one.id desc limit $4
  )
  select ${momentColumns('$2::text')} from newest n
  join social.moments m on m.project_id = $1 and m.id = n.id order by m.id desc`

export async function readTimeline(
  { database, media }: SocialParts,
  { projectId, userId }: UserActor,
  { limit, cursor }: PageRequest,
): Promise<{ items: Moment[]; nextCursor?: string }> {
  const { rows } = await database.project(projectId).query<MomentRow>({
    name: 'social-timeline',
    text,
    values: [projectId, userId, decodeCursor(cursor) ?? null, limit + 1],
  })
  return toPage(rows, limit, { keyOf: (row) => row.id, itemOf: momentReader(media, projectId, userId) })
}
