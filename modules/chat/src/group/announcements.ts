import type { Announcement } from '@parley/contracts'
import { decodeNumberCursor, type Page, type PageRequest, toPage } from '@parley/core/pages'
import type { Database } from '@parley/core/store'
import type { Groups } from '../conversation/groups.ts'
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

  async list(actor: Actor, id: string, { limit, cursor }: PageRequest): Promise<Page<Announcement>> {
    await this.#groups.requireReader(actor, id)
    const before = decodeNumberCursor(cursor) ?? Number.MAX_SAFE_INTEGER
    const { rows } = await this.#database.project(actor.projectId).query<AnnouncementRow>({
      name: 'chat-list-announcements',
      text: `select seq, text, user_id, announced_at from chat.announcements
        where project_id = $1 and conversation_id = $2 and seq < $3 order by seq desc limit $4`,
      values: [actor.projectId, id, before, limit + 1],
    })
    return toPage(rows, limit, {
      keyOf: (row) => row.seq,
      itemOf: (row) => ({
        text: row.text,
        announcedAt: row.announced_at.toISOString(),
        ...(row.user_id !== null && { userId: row.user_id }),
      }),
    })
  }
}

interface AnnouncementRow {
  seq: number
  text: string
  user_id: string | null
  announced_at: Date
}
