import type { Member, ReadCursor } from '@parley/contracts'
import { decodeCursor, type Page, type PageRequest, toPage } from '@parley/core/pages'
import type { ProjectScope } from '@parley/core/store'
import { ConversationNotFoundError, NotAMemberError } from '../errors.ts'

/** A row of chat.members, as lists of members read it. */
export interface MemberRow {
  user_id: string
  role: Member['role']
  joined_seq: number
  joined_at: Date
  read_seq: number
  delivered_seq: number
  read_at: Date | null
  muted_until: Date | null
  nickname: string | null
  custom: Record<string, unknown> | null
}

export const memberColumns = `m.user_id, m.role, m.joined_seq, m.joined_at, m.read_seq, m.delivered_seq, m.read_at,
  m.muted_until, m.nickname, m.custom`

/** As the API shows it; a mute that is over is not told. */
export function toMember(row: MemberRow): Member {
  const muted = row.muted_until !== null && row.muted_until.getTime() > Date.now()
  return {
    userId: row.user_id,
    role: row.role,
    joinedSeq: row.joined_seq,
    joinedAt: row.joined_at.toISOString(),
    ...(row.nickname !== null && { nickname: row.nickname }),
    ...(row.custom !== null && { custom: row.custom as Member['custom'] }),
    ...(muted && { mutedUntil: row.muted_until?.toISOString() }),
  }
}

/** Members by user id, a page at a time. */
export async function listMembers(
  project: ProjectScope,
  conversationId: string,
  page: PageRequest,
): Promise<Page<Member & ReadCursor>> {
  const { rows } = await project.query<MemberRow>({
    name: 'chat-list-members',
    text: `select ${memberColumns} from chat.members m
      where m.project_id = $1 and m.conversation_id = $2 and m.left_seq is null and m.user_id > $3
      order by m.user_id limit $4`,
    values: [project.projectId, conversationId, decodeCursor(page.cursor) ?? '', page.limit + 1],
  })
  return toPage(rows, page.limit, {
    keyOf: (row) => row.user_id,
    itemOf: (row) => ({
      ...toMember(row),
      readSeq: row.read_seq,
      deliveredSeq: Math.max(row.delivered_seq, row.read_seq),
      ...(row.read_at !== null && { readAt: row.read_at.toISOString() }),
    }),
  })
}

/** Throws unless the conversation exists and the reader, when one is named, is a member now. */
export async function requireReader(
  project: ProjectScope,
  conversationId: string,
  readerId: string | undefined,
): Promise<void> {
  const { rows } = await project.query<{ member: boolean }>({
    name: 'chat-require-reader',
    text: `select m.user_id is not null as member from chat.conversations c
      left join chat.members m on m.project_id = c.project_id and m.conversation_id = c.id and m.user_id = $3
        and m.left_seq is null
      where c.project_id = $1 and c.id = $2`,
    values: [project.projectId, conversationId, readerId ?? null],
  })
  const [row] = rows
  if (row === undefined) throw new ConversationNotFoundError(conversationId)
  if (readerId !== undefined && !row.member) throw new NotAMemberError(readerId, conversationId)
}
