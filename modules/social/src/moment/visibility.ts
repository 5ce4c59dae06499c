import { notApart } from '../block/block-store.ts'

/**
 * What the author of a moment `m` chose, in SQL, given how the reader stands to the author: whether the author's list
 * of friends holds the reader, with which labels, and whether the reader follows the author.
 */
export const chosenFor = (
  reader: string,
  ties: { friend: string; labels: string; follower: string },
): string =>
  `(m.author_id = ${reader} or (not ${reader} = any(m.excluded) and case m.visibility
      when 'public' then true
      when 'friends' then ${ties.friend}
      when 'labels' then ${ties.friend} and ${ties.labels} && m.labels
      when 'followers' then ${ties.follower}
      else false end))`

const tie = (reader: string, more = ''): string =>
  `exists (select from social.friends f where f.project_id = $1 and f.user_id = m.author_id
    and f.friend_id = ${reader} and not f.removed${more})`

/** True in SQL when the reader may see a moment `m`; no reader is the customer's server, which sees all. `$1` is the project. */
export const visibleTo = (reader: string): string =>
  `(${reader} is null or m.author_id = ${reader} or (${notApart('m.author_id', reader)}
    and not ${reader} = any(m.excluded) and case m.visibility
      when 'public' then true
      when 'friends' then ${tie(reader)}
      when 'labels' then ${tie(reader, ' and f.labels && m.labels')}
      when 'followers' then exists (select from social.follows o
        where o.project_id = $1 and o.user_id = ${reader} and o.followed_id = m.author_id)
      else false end))`
