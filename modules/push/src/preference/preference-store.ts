import { AppError, type PushLevel, type PushPreferences, type QuietHours } from '@parley/contracts'
import type { ProjectScope, Queryable } from '@parley/core/store'

/** What decides whether and how a user hears of a message of one conversation. */
export interface Preference {
  level: PushLevel
  conversationLevel: PushLevel | undefined
  quietHours: QuietHours | undefined
  showContent: boolean
}

interface PreferenceRow {
  user_id: string
  level: PushLevel | null
  quiet_hours: QuietHours | null
  show_content: boolean | null
  conversation_level: PushLevel | null
}

export interface PreferenceChange {
  level?: PushLevel | undefined
  quietHours?: QuietHours | null | undefined
  showContent?: boolean | undefined
}

const shownConversations = 500

/** Of what users want to hear. */
export class PreferenceStore {
  readonly #mostConversations: number

  constructor(mostConversations: number) {
    this.#mostConversations = mostConversations
  }

  async get(project: ProjectScope, userId: string): Promise<PushPreferences> {
    const [preference] = (await this.read(project, project.projectId, [userId], undefined)).values()
    const { rows } = await project.query<{ conversation_id: string; level: PushLevel }>({
      text: `select conversation_id, level from push.conversation_levels
        where project_id = $1 and user_id = $2 order by conversation_id limit $3`,
      values: [project.projectId, userId, shownConversations],
    })
    return {
      level: preference?.level ?? 'all',
      ...(preference?.quietHours !== undefined && { quietHours: preference.quietHours }),
      showContent: preference?.showContent ?? true,
      conversations: rows.map((row) => ({ conversationId: row.conversation_id, level: row.level })),
    }
  }

  async put(project: ProjectScope, userId: string, change: PreferenceChange): Promise<PushPreferences> {
    const { level, quietHours, showContent } = change
    await project.query({
      text: `insert into push.preferences as p (project_id, user_id, level, quiet_hours, show_content)
        values ($1, $2, coalesce($3, 'all'), $4::jsonb, coalesce($5, true))
        on conflict (project_id, user_id) do update set
          level = coalesce($3, p.level),
          quiet_hours = case when $6 then $4::jsonb else p.quiet_hours end,
          show_content = coalesce($5, p.show_content),
          updated_at = now()`,
      values: [
        project.projectId,
        userId,
        level ?? null,
        quietHours === undefined || quietHours === null ? null : JSON.stringify(quietHours),
        showContent ?? null,
        quietHours !== undefined,
      ],
    })
    return this.get(project, userId)
  }

  /** Null takes the conversation's own level away. Throws `limit-exceeded`. */
  async putConversation(
    project: ProjectScope,
    userId: string,
    conversationId: string,
    level: PushLevel | null,
  ): Promise<void> {
    const key = [project.projectId, conversationId, userId]
    if (level === null) {
      await project.query({
        text: `delete from push.conversation_levels
          where project_id = $1 and conversation_id = $2 and user_id = $3`,
        values: key,
      })
      return
    }
    const { rowCount } = await project.query({
      text: `insert into push.conversation_levels (project_id, conversation_id, user_id, level)
        select $1, $2, $3, $4 where exists (
            select from push.conversation_levels where project_id = $1 and conversation_id = $2 and user_id = $3
          ) or (select count(*) from push.conversation_levels where project_id = $1 and user_id = $3) < $5
        on conflict (project_id, conversation_id, user_id) do update set level = excluded.level`,
      values: [...key, level, this.#mostConversations],
    })
    if (rowCount === 0) {
      const most = this.#mostConversations
      throw new AppError('limit-exceeded', `A user keeps a level for at most ${most} conversations`)
    }
  }

  /** Preferences of all the users named, by user id. */
  async read(
    queryable: Queryable,
    projectId: string,
    userIds: readonly string[],
    conversationId: string | undefined,
  ): Promise<Map<string, Preference>> {
    const { rows } = await queryable.query<PreferenceRow>({
      name: 'push-preferences',
      text: `select u.user_id, p.level, p.quiet_hours, p.show_content, c.level as conversation_level
        from unnest($2::text[]) as u (user_id)
        left join push.preferences p on p.project_id = $1 and p.user_id = u.user_id
        left join push.conversation_levels c
          on c.project_id = $1 and c.conversation_id = $3 and c.user_id = u.user_id`,
      values: [projectId, userIds, conversationId ?? null],
    })
    return new Map(
      rows.map((row) => [
        row.user_id,
        {
          level: row.level ?? 'all',
          conversationLevel: row.conversation_level ?? undefined,
          quietHours: row.quiet_hours ?? undefined,
          showContent: row.show_content ?? true,
        },
      ]),
    )
  }

  /** Users who asked for everything of this conversation, by id, after `afterUserId`. */
  async askedForAll(
    queryable: Queryable,
    projectId: string,
    conversationId: string,
    page: { afterUserId: string; limit: number },
  ): Promise<string[]> {
    const { rows } = await queryable.query<{ user_id: string }>({
      text: `select user_id from push.conversation_levels
        where project_id = $1 and conversation_id = $2 and level = 'all' and user_id > $3
        order by user_id limit $4`,
      values: [projectId, conversationId, page.afterUserId, page.limit],
    })
    return rows.map((row) => row.user_id)
  }
}
