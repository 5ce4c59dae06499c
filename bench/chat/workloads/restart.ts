import { setTimeout as sleep } from 'node:timers/promises'
import { numberedText } from '../load/text.ts'
import { coresBetween, usageOf } from '../machine/processes.ts'
import { ParleyTarget } from '../parley/parley-target.ts'
import type { Workload } from '../workload.ts'
import { figure } from './durable-sends.ts'

const conversations = 1_000
const rowsAStatement = 100_000

/** How soon the server answers again with a long log, after a stop and after a kill, and what it holds in memory at rest. */
export const restart: Workload = {
  name: 'restart',
  targets: ['parley'],
  run: async ({ target, restartMessages, note, quick }) => {
    if (!(target instanceof ParleyTarget)) throw new Error('only Parley is restarted with a log')
    const begun = performance.now()
    await fillLog(target, restartMessages)
    note(`${restartMessages} entries written in ${Math.round((performance.now() - begun) / 1000)} s`)
    const stopped = await target.restart()
    const killed = await target.restartAfterKill()
    await sleep(2_000)
    const seconds = quick ? 1.5 : 4
    const groups = await target.processes()
    const before = usageOf(groups)
    await sleep(seconds * 1000)
    const idle = coresBetween(before, usageOf(groups), seconds)
    note(
      `at rest: ${idle.map(({ part, cores }) => `${part} ${(cores * 100).toFixed(1)} %`).join(', ')} of a core`,
    )
    const memory = new Map(usageOf(await target.processes()).map((usage) => [usage.part, usage.memoryBytes]))
    const mebibytes = (part: string): number => (memory.get(part) ?? 0) / 1024 / 1024
    const size = `${restartMessages / 1e6} M messages`
    return [
      figure('restart', `ready again with ${size}`, 's', stopped / 1000, 'less', 1),
      figure('restart-kill', `ready again with ${size}, after SIGKILL`, 's', killed / 1000, 'less'),
      figure('idle-rss', 'memory at rest, server (RSS)', 'MiB', mebibytes('server'), 'less', 150),
      figure('idle-database', 'memory at rest, PostgreSQL (PSS)', 'MiB', mebibytes('database'), 'less'),
    ]
  },
}

async function fillLog(target: ParleyTarget, messages: number): Promise<void> {
  const { projectId } = target.server.key
  const database = await target.database()
  const each = Math.ceil(messages / conversations)
  try {
    await database.query(
      `insert into chat.conversations (project_id, id, type, history_from_start, head_seq, head_message_no, member_count)
        select $1, 'filled-' || n, 'group', true, $3, $3, 2 from generate_series(1, $2::int) n`,
      [projectId, conversations, each],
    )
    await database.query(
      `insert into chat.members (project_id, conversation_id, user_id, role, joined_seq, visible_from_seq)
        select $1, 'filled-' || n, 'filler-' || u, 'member', 0, 1
        from generate_series(1, $2::int) n, generate_series(1, 2) u`,
      [projectId, conversations],
    )
    const wide = Math.max(1, Math.floor(rowsAStatement / each))
    for (let from = 1; from <= conversations; from += wide) {
      await database.query(
        `insert into chat.entries (project_id, conversation_id, seq, message_no, bears_unread, id, sender_id,
            client_message_id, content, created_at)
          select $1, 'filled-' || n, s, s, true, 'msg_' || md5(n || '/' || s), 'filler-1', 'f' || n || '/' || s, $5::jsonb, now()
          from generate_series($2::int, $3::int) n, generate_series(1, $4::int) s`,
        [
          projectId,
          from,
          Math.min(conversations, from + wide - 1),
          each,
          JSON.stringify({ type: 'text', text: numberedText(0) }),
        ],
      )
    }
  } finally {
    await database.end()
  }
}
