import { hash, randomBytes } from 'node:crypto'
import { AppError, type InvitationLink, maxInvitationLinks, newId } from '@parley/contracts'
import type { Database } from '@parley/core/store'
import type { Groups } from '../conversation/groups.ts'
import type { Actor } from '../message/change-message.ts'
import type { LockedGroup } from './group-changes.ts'

const tokenHash = (token: string): Buffer => hash('sha256', token, 'buffer')

/** Tokens with which users join by themselves, for some time or so many times. */
export class InvitationLinks {
  readonly #groups: Groups
  readonly #database: Database

  constructor(options: { groups: Groups; database: Database }) {
    this.#groups = options.groups
    this.#database = options.database
  }

  /** The token is answered here and never again. */
  create(
    actor: Actor,
    id: string,
    { expiresInMs, maxUses }: { expiresInMs?: number | undefined; maxUses?: number | undefined },
  ): Promise<{ link: InvitationLink; token: string }> {
    const token = randomBytes(24).toString('base64url')
    return this.#groups.changes.run(actor, id, async (group) => {
      this.#groups.requireInviter(group)
      const { rows } = await group.tx.query<LinkRow>({
        text: `with live as (
            select count(*) as n from chat.invitation_links
            where project_id = $1 and conversation_id = $2 and (expires_at is null or expires_at > now())
          ), gone as (
            delete from chat.invitation_links where project_id = $1 and conversation_id = $2 and expires_at <= now()
          )
          insert into chat.invitation_links as l (project_id, conversation_id, id, token_hash, created_by, max_uses,
            expires_at)
          select $1, $2, $3, $4, $5, $6, now() + $7 * interval '1 millisecond' from live where live.n < $8
          returning ${linkColumns}`,
        values: [
          ...[group.projectId, id, newId('invitationLink'), tokenHash(token), actor.userId ?? null],
          ...[maxUses ?? null, expiresInMs ?? null, maxInvitationLinks],
        ],
      })
      const [row] = rows
      if (row === undefined)
        throw new AppError('limit-exceeded', `A group has at most ${maxInvitationLinks} invitation links`)
      return { answer: { link: toLink(row), token } }
    })
  }

  async list(actor: Actor, id: string): Promise<{ items: InvitationLink[] }> {
    await this.#groups.requireReader(actor, id, ['owner', 'admin'])
    const { rows } = await this.#database.project(actor.projectId).query<LinkRow>({
      text: `select ${linkColumns} from chat.invitation_links l
        where l.project_id = $1 and l.conversation_id = $2 and (l.expires_at is null or l.expires_at > now())
        order by l.id`,
      values: [actor.projectId, id],
    })
    return { items: rows.map(toLink) }
  }

  revoke(actor: Actor, id: string, linkId: string): Promise<void> {
    return this.#groups.changes.run(actor, id, async (group) => {
      group.requireMember()
      const { rows } = await group.tx.query<{ created_by: string | null }>({
        text: `delete from chat.invitation_links
          where project_id = $1 and conversation_id = $2 and id = $3 returning created_by`,
        values: [group.projectId, id, linkId],
      })
      const [row] = rows
      if (row === undefined) throw new AppError('not-found', `There is no invitation link ${linkId}`)
      // What was deleted is back when this throws.
      if (actor.userId === undefined || row.created_by !== actor.userId) group.require('admins')
      return { answer: undefined }
    })
  }
}

/** Counts one use of the link with this token. Throws `invitation-expired` when there is none left. */
export async function useInvitationLink({ tx, projectId, id }: LockedGroup, token: string): Promise<void> {
  const { rowCount } = await tx.query({
    text: `update chat.invitation_links set uses = uses + 1
      where project_id = $1 and conversation_id = $2 and token_hash = $3
        and (expires_at is null or expires_at > now()) and (max_uses is null or uses < max_uses)`,
    values: [projectId, id, tokenHash(token)],
  })
  if (rowCount === 0) throw new AppError('invitation-expired')
}

interface LinkRow {
  id: string
  conversation_id: string
  created_by: string | null
  uses: number
  max_uses: number | null
  created_at: Date
  expires_at: Date | null
}

const linkColumns = 'l.id, l.conversation_id, l.created_by, l.uses, l.max_uses, l.created_at, l.expires_at'

function toLink(row: LinkRow): InvitationLink {
  return {
    id: row.id,
    conversationId: row.conversation_id,
    ...(row.created_by !== null && { createdBy: row.created_by }),
    uses: row.uses,
    ...(row.max_uses !== null && { maxUses: row.max_uses }),
    createdAt: row.created_at.toISOString(),
    ...(row.expires_at !== null && { expiresAt: row.expires_at.toISOString() }),
  }
}
