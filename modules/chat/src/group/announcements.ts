import { type Announcement, AppError } from '@parley/contracts'
import type { Database } from '@parley/core/store'
import type { Groups } from '../conversation/groups.ts'
import { decodeCursor, encodeCursor, type Page } from '../conversation/member-list.ts'
import type { Actor } from '../message/change-message.ts'

/** What a group says to everybody in it, and what it said before. */
export class Announcements {
  readonly #groups: Groups
  readonly #database: Database

  constructor(options: { groups: Groups; database: Database }) {
    this.#groups = options.groups
    this.#database = options.database
  }

  announce(actor: Actor, id: string, text: string): Promise<Announcement> {
    return this.#groups.changes.run(actor, id, async (group) => {
      group.require(group.rules.settings.whoMay.announce)
      const { userId } = actor
      const announcement = {
        text,
        announcedAt: new Date().toISOString(),
        ...(userId !== undefined && { userId }),
      }
      await group.tx.query({
        text: `with kept as (
            insert into chat.announcements (project_id, conversation_id, seq, text, user_id, announced_at)
            values ($1, $2, $3, $4, $5, $6)
          )
          update chat.conversations set announcement = $7 where project_id = $1 and id = $2`,
        values: [
          ...[group.projectId, id, group.seq, text, userId ?? null, announcement.announcedAt],
          text === '' ? null : JSON.stringify(announcement),
        ],
      })
      return { content: { type: 'announcement-changed', text }, answer: announcement }
    })
  }

  async list(
    actor: Actor,
    id: string,
    { limit, cursor }: { limit: number; cursor?: string | undefined },
  ): Promise<Page<Announcement>> {
    await this.#groups.requireReader(actor, id)
    const before = cursor === undefined ? Number.MAX_SAFE_INTEGER : Number(decodeCursor(cursor))
    if (!Number.isSafeInteger(before)) throw new AppError('invalid-cursor')
    const { rows } = await this.#database.project(actor.projectId).query<AnnouncementRow>({
      name: 'chat-list-announcements',
      text: `select seq, text, user_id, announced_at from chat.announcements
        where project_id = $1 and conversation_id = $2 and seq < $3 order by seq desc limit $4`,
      values: [actor.projectId, id, before, limit + 1],
    })
    const shown = rows.slice(0, limit)
    const last = shown.at(-1)
    const items = shown.map((row) => ({
      text: row.text,
      announcedAt: row.announced_at.toISOString(),
      ...(row.user_id !== null && { userId: row.user_id }),
    }))
    return rows.length > limit && last !== undefined
      ? { items, nextCursor: encodeCursor(String(last.seq)) }
      : { items }
  }
}

interface AnnouncementRow {
  seq: number
  text: string
  user_id: string | null
  announced_at: Date
}
