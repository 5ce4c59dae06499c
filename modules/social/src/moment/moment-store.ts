import type { Moment } from '@parley/contracts'
import type { Queryable } from '@parley/core/store'
import type { MediaFacts, MediaSource } from '../ports.ts'
import { visibleTo } from './visibility.ts'

export interface MomentRow {
  id: string
  author_id: string
  text: string
  media: ({ objectId: string } & MediaFacts)[]
  location: NonNullable<Moment['location']> | null
  mentions: string[]
  custom: NonNullable<Moment['custom']> | null
  visibility: Moment['visibility']
  labels: string[]
  excluded: string[]
  likes: number
  comments: number
  liked: boolean
  created_at: Date
}

/** Of a moment `m`, for a reader. */
export const momentColumns = (reader: string): string =>
  `m.id, m.author_id, m.text, m.media, m.location, m.mentions, m.custom, m.visibility, m.labels, m.excluded,
    m.likes, m.comments, m.created_at, exists (select from social.likes l
      where l.project_id = $1 and l.moment_id = m.id and l.user_id = ${reader}) as liked`

/** Addresses of files are signed for the reading. */
export function momentReader(
  media: MediaSource,
  projectId: string,
  readerId: string | undefined,
): (row: MomentRow) => Moment {
  return (row) => ({
    id: row.id,
    authorId: row.author_id,
    text: row.text,
    media: row.media.map(({ objectId, ...file }) => {
      const thumbnailUrl = media.signThumbnailUrl?.(projectId, objectId, file)
      return {
        objectId,
        ...file,
        url: media.signUrl(projectId, objectId, file.name),
        ...(thumbnailUrl !== undefined && { thumbnailUrl }),
      }
    }),
    ...(row.location !== null && { location: row.location }),
    mentions: row.mentions,
    ...(row.custom !== null && { custom: row.custom }),
    visibility: row.visibility,
    ...(readerId === row.author_id && { audience: { labels: row.labels, excludedUserIds: row.excluded } }),
    likes: row.likes,
    comments: row.comments,
    liked: row.liked,
    createdAt: row.created_at.toISOString(),
  })
}

/** The moment, if the reader may see it. */
export async function findMoment(
  queryable: Queryable,
  projectId: string,
  momentId: string,
  readerId: string | undefined,
): Promise<MomentRow | undefined> {
  const { rows } = await queryable.query<MomentRow>({
    name: 'social-moment',
    text: `select ${momentColumns('$3::text')} from social.moments m
      where m.project_id = $1 and m.id = $2 and ${visibleTo('$3::text')}`,
    values: [projectId, momentId, readerId ?? null],
  })
  return rows[0]
}

/** The same in a transaction that changes it: it stays as it is until the end. */
export async function holdMoment(
  queryable: Queryable,
  projectId: string,
  momentId: string,
  readerId: string | undefined,
): Promise<MomentRow | undefined> {
  const { rowCount } = await queryable.query({
    name: 'social-hold-moment',
    text: 'select from social.moments where project_id = $1 and id = $2 for update',
    values: [projectId, momentId],
  })
  return rowCount === 0 ? undefined : findMoment(queryable, projectId, momentId, readerId)
}

/** Which of these users may see a moment. */
export async function seeing(
  queryable: Queryable,
  projectId: string,
  momentId: string,
  userIds: readonly string[],
): Promise<Set<string>> {
  if (userIds.length === 0) return new Set()
  const { rows } = await queryable.query<{ user_id: string }>({
    text: `select user_id from unnest($3::text[]) as reader(user_id), social.moments m
      where m.project_id = $1 and m.id = $2 and ${visibleTo('reader.user_id collate "C"')}`,
    values: [projectId, momentId, userIds],
  })
  return new Set(rows.map((row) => row.user_id))
}
