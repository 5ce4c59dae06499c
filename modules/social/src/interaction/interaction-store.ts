import type { DomainEvent, Interaction } from '@parley/contracts'
import type { Transaction } from '@parley/core/store'
import type { SocialParts } from '../parts.ts'

export interface NewInteraction {
  /** Who is told. */
  userId: string
  kind: Interaction['kind']
  actorId: string
  momentId?: string
  commentId?: string
}

export interface InteractionRow {
  no: string | number
  kind: Interaction['kind']
  actor_id: string
  moment_id: string | null
  comment_id: string | null
  created_at: Date
}

export const interactionColumns = 'no, kind, actor_id, moment_id, comment_id, created_at'

export function toInteraction(row: InteractionRow): Interaction {
  return {
    no: Number(row.no),
    kind: row.kind,
    actorId: row.actor_id,
    ...(row.moment_id !== null && { momentId: row.moment_id }),
    ...(row.comment_id !== null && { commentId: row.comment_id }),
    createdAt: row.created_at.toISOString(),
  }
}

/** Tells users what others did, in the transaction that did it. Numbers are dense for each user as they are given. */
export async function noteInteractions(
  tx: Transaction,
  { outbox, config }: Pick<SocialParts, 'outbox' | 'config'>,
  projectId: string,
  noted: readonly NewInteraction[],
): Promise<void> {
  const events: DomainEvent[] = []
  const inOrder = [...noted].sort((a, b) => (a.userId < b.userId ? -1 : 1))
  for (const { userId, kind, actorId, momentId, commentId } of inOrder) {
    const { rows } = await tx.query<InteractionRow>({
      name: 'social-note-interaction',
      text: `with numbered as (
          insert into social.people as p (project_id, user_id, interaction_no) values ($1, $2, 1)
          on conflict (project_id, user_id) do update set interaction_no = p.interaction_no + 1
          returning interaction_no
        ), forgotten as (
          delete from social.interactions where project_id = $1 and user_id = $2
            and no <= (select interaction_no from numbered) - $7::bigint
        )
        insert into social.interactions (project_id, user_id, no, kind, actor_id, moment_id, comment_id)
        select $1, $2, interaction_no, $3, $4, $5, $6 from numbered returning ${interactionColumns}`,
      values: [
        projectId,
        userId,
        kind,
        actorId,
        momentId ?? null,
        commentId ?? null,
        config.keptInteractions,
      ],
    })
    for (const row of rows) {
      events.push({
        projectId,
        resource: `interactions/${userId}`,
        type: 'interaction.created',
        data: { userId, interaction: toInteraction(row) },
      })
    }
  }
  if (events.length > 0) await outbox.append(tx, events)
}
