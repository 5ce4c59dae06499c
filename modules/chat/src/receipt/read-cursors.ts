import type { Outbox } from '@parley/core/outbox'
import { type Database, GroupCommit, type Transaction } from '@parley/core/store'
import { NotAMemberError } from '../errors.ts'
import { unreadOfMember } from './unread.ts'

export interface ReadCommand {
  projectId: string
  conversationId: string
  userId: string
  seq: number
}

export interface ReadOutcome extends ReadCommand {
  readSeq: number
  unread: number
  /** False when the cursor already stood there or further. */
  moved: boolean
}

export interface ReadCursorsOptions {
  database: Database
  outbox: Outbox
  lanes: number
  onMoved: (outcome: ReadOutcome) => void
}

/** Read cursors move forward only (CHAT-8). Reads that arrive together share a transaction. */
export class ReadCursors {
  readonly #outbox: Outbox
  readonly #onMoved: (outcome: ReadOutcome) => void
  readonly #commits: GroupCommit<ReadCommand, ReadOutcome>

  constructor({ database, outbox, lanes, onMoved }: ReadCursorsOptions) {
    this.#outbox = outbox
    this.#onMoved = onMoved
    this.#commits = new GroupCommit<ReadCommand, ReadOutcome>({
      database,
      lanes,
      maxBatch: 256,
      maxQueued: 50_000,
      laneOf: (command) => `${command.projectId}/${command.userId}`,
      commit: (commands, tx) => this.#commit(commands, tx),
    })
  }

  /** Moves the cursor to `seq` or the head, whichever is lower. Throws `not-a-member`. */
  move(command: ReadCommand): Promise<ReadOutcome> {
    return this.#commits.submit(command)
  }

  close(): Promise<void> {
    return this.#commits.close()
  }

  async #commit(commands: readonly ReadCommand[], tx: Transaction): Promise<(ReadOutcome | Error)[]> {
    const moved = await moveCursors(tx, commands)
    const states = await readStates(tx, commands)
    const outcomes = commands.map((command, index): ReadOutcome | Error => {
      const state = states.get(index + 1)
      if (state === undefined) return new NotAMemberError(command.userId, command.conversationId)
      return {
        ...command,
        readSeq: state.read_seq,
        unread: state.unread,
        moved: moved.has(keyOfCommand(command)),
      }
    })
    const advanced = distinctMoves(outcomes)
    await this.#outbox.append(tx, advanced.map(readEvent))
    tx.afterCommit(() => advanced.forEach(this.#onMoved))
    return outcomes
  }
}

const keyOfCommand = (command: { projectId: string; conversationId: string; userId: string }): string =>
  JSON.stringify([command.projectId, command.conversationId, command.userId])

function distinctMoves(outcomes: readonly (ReadOutcome | Error)[]): ReadOutcome[] {
  const moves = new Map<string, ReadOutcome>()
  for (const outcome of outcomes) {
    if (!(outcome instanceof Error) && outcome.moved) moves.set(keyOfCommand(outcome), outcome)
  }
  return [...moves.values()]
}

const readEvent = ({ projectId, conversationId, userId, readSeq }: ReadOutcome) => ({
  projectId,
  resource: `conversation/${conversationId}`,
  type: 'conversation.read' as const,
  data: { conversationId, userId, readSeq },
})

function columns(commands: readonly ReadCommand[]): unknown[] {
  return [
    commands.map((command) => command.projectId),
    commands.map((command) => command.conversationId),
    commands.map((command) => command.userId),
  ]
}

async function moveCursors(tx: Transaction, commands: readonly ReadCommand[]): Promise<Set<string>> {
  const { rows } = await tx.query<{ project_id: string; conversation_id: string; user_id: string }>({
    name: 'chat-move-cursors',
    text: `with wanted as (
        select project_id, conversation_id, user_id, max(seq) as seq
        from unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) as w (project_id, conversation_id, user_id, seq)
        group by 1, 2, 3
      ), target as (
        select m.project_id, m.conversation_id, m.user_id, e.seq, e.message_no
        from wanted w
        join chat.members m using (project_id, conversation_id, user_id)
        join chat.conversations c on c.project_id = w.project_id and c.id = w.conversation_id
        join chat.entries e on e.project_id = w.project_id and e.conversation_id = w.conversation_id
          and e.seq = least(w.seq, c.head_seq)
        where m.left_seq is null and least(w.seq, c.head_seq) > m.read_seq
        order by m.project_id, m.conversation_id, m.user_id
        for no key update of m
      )
      update chat.members m set read_seq = t.seq, read_message_no = t.message_no, read_at = now()
      from target t
      where (m.project_id, m.conversation_id, m.user_id) = (t.project_id, t.conversation_id, t.user_id)
        and m.read_seq < t.seq
      returning m.project_id, m.conversation_id, m.user_id`,
    values: [...columns(commands), commands.map((command) => command.seq)],
  })
  return new Set(
    rows.map((row) =>
      keyOfCommand({ projectId: row.project_id, conversationId: row.conversation_id, userId: row.user_id }),
    ),
  )
}

async function readStates(
  tx: Transaction,
  commands: readonly ReadCommand[],
): Promise<Map<number, { read_seq: number; unread: number }>> {
  const { rows } = await tx.query<{ place: number; read_seq: number; unread: number }>({
    name: 'chat-read-states',
    text: `select k.place::int, m.read_seq, unread.n::int as unread
      from unnest($1::text[], $2::text[], $3::text[]) with ordinality as k (project_id, conversation_id, user_id, place)
      join chat.members m using (project_id, conversation_id, user_id)
      join chat.conversations c on c.project_id = m.project_id and c.id = m.conversation_id
      join ${unreadOfMember} on true
      where m.left_seq is null`,
    values: columns(commands),
  })
  return new Map(rows.map((row) => [row.place, row]))
}
