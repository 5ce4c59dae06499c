import { type Database, GroupCommit, type ProjectScope, type Transaction } from '@parley/core/store'
import { NotAMemberError } from '../errors.ts'

export interface DeliveredCommand {
  projectId: string
  conversationId: string
  userId: string
  seq: number
}

export interface DeliveredOutcome extends DeliveredCommand {
  deliveredSeq: number
  /** The other user, who wants to know; absent in groups. */
  peerId?: string
  /** False when the cursor already stood there or further. */
  moved: boolean
}

interface DeliveredRow {
  place: number
  delivered_seq: number
  direct_users: string[] | null
  moved: boolean
}

/**
 * Up to where entries have reached a device of a member. The cursor moves forward only; those that arrive together
 * are one statement, and nothing of it is in the log.
 */
export class DeliveredCursors {
  readonly #commits: GroupCommit<DeliveredCommand, DeliveredOutcome>
  readonly #onMoved: (outcome: DeliveredOutcome) => void

  constructor(options: {
    database: Database
    lanes: number
    onMoved: (outcome: DeliveredOutcome) => void
  }) {
    this.#onMoved = options.onMoved
    this.#commits = new GroupCommit<DeliveredCommand, DeliveredOutcome>({
      database: options.database,
      lanes: options.lanes,
      maxBatch: 512,
      maxQueued: 50_000,
      laneOf: (command) => `${command.projectId}/${command.userId}`,
      commit: (commands, tx) => this.#commit(commands, tx),
    })
  }

  /** Moves the cursor to `seq` or the head, whichever is lower. Throws `not-a-member`. */
  move(command: DeliveredCommand): Promise<DeliveredOutcome> {
    return this.#commits.submit(command)
  }

  close(): Promise<void> {
    return this.#commits.close()
  }

  async #commit(
    commands: readonly DeliveredCommand[],
    tx: Transaction,
  ): Promise<(DeliveredOutcome | Error)[]> {
    const { rows } = await tx.query<DeliveredRow>({
      name: 'chat-move-delivered',
      text: `with given as (
          select * from unnest($1::text[], $2::text[], $3::text[], $4::bigint[])
            with ordinality as g (project_id, conversation_id, user_id, seq, place)
        ), target as (
          select m.project_id, m.conversation_id, m.user_id, m.delivered_seq, c.direct_users,
            least(w.seq, c.head_seq) as seq
          from (select project_id, conversation_id, user_id, max(seq) as seq from given group by 1, 2, 3) w
          join chat.members m using (project_id, conversation_id, user_id)
          join chat.conversations c on c.project_id = w.project_id and c.id = w.conversation_id
          where m.left_seq is null
          order by m.project_id, m.conversation_id, m.user_id
          for no key update of m
        ), moved as (
          update chat.members m set delivered_seq = t.seq
          from target t
          where (m.project_id, m.conversation_id, m.user_id) = (t.project_id, t.conversation_id, t.user_id)
            and m.delivered_seq < t.seq
          returning m.project_id, m.conversation_id, m.user_id
        )
        select g.place::int, greatest(t.delivered_seq, t.seq) as delivered_seq, t.direct_users,
          v.user_id is not null as moved
        from given g
        join target t using (project_id, conversation_id, user_id)
        left join moved v using (project_id, conversation_id, user_id)`,
      values: [
        commands.map((command) => command.projectId),
        commands.map((command) => command.conversationId),
        commands.map((command) => command.userId),
        commands.map((command) => command.seq),
      ],
    })
    const found = new Map(rows.map((row) => [row.place, row]))
    const outcomes = commands.map((command, index): DeliveredOutcome | Error => {
      const row = found.get(index + 1)
      if (row === undefined) return new NotAMemberError(command.userId, command.conversationId)
      const peerId = row.direct_users?.find((userId) => userId !== command.userId)
      return {
        ...command,
        deliveredSeq: row.delivered_seq,
        moved: row.moved,
        ...(peerId !== undefined && { peerId }),
      }
    })
    tx.afterCommit(() => this.#tell(outcomes))
    return outcomes
  }

  #tell(outcomes: readonly (DeliveredOutcome | Error)[]): void {
    const told = new Set<string>()
    for (const outcome of outcomes) {
      if (outcome instanceof Error || !outcome.moved) continue
      const key = JSON.stringify([outcome.projectId, outcome.conversationId, outcome.userId])
      if (told.has(key)) continue
      told.add(key)
      this.#onMoved(outcome)
    }
  }
}

/** Those of the users named who have taken the entry: delivered or read at or past `seq`. */
export async function readTaken(
  project: ProjectScope,
  conversationId: string,
  seq: number,
  userIds: readonly string[],
): Promise<Set<string>> {
  if (userIds.length === 0) return new Set()
  const { rows } = await project.query<{ user_id: string }>({
    name: 'chat-taken',
    text: `select user_id from chat.members
      where project_id = $1 and conversation_id = $2 and user_id = any($4)
        and greatest(delivered_seq, read_seq) >= $3`,
    values: [project.projectId, conversationId, seq, userIds],
  })
  return new Set(rows.map((row) => row.user_id))
}
