import { gunzipSync } from 'node:zlib'
import type { LongOperation } from '@parley/contracts'
import { Scope, silentLogger, sleep } from '@parley/core/kernel'
import { type Database, openDatabase } from '@parley/core/store'
import { type CallOptions, type DevCloud, startDevCloud } from '@parley/testing/devcloud'

export interface DataCloud {
  cloud: DevCloud
  database: Database
  /** Answers the body; throws when the call was refused. */
  call<Body>(method: string, path: string, body?: unknown, options?: CallOptions): Promise<Body>
  /** The operation once it has ended. */
  finished(operation: { id: string }): Promise<LongOperation>
  /** Lines of an export, the manifest first. */
  exported(request: object): Promise<{ manifest: Line; lines: Line[]; text: string }>
  say(
    conversationId: string,
    fromUserId: string,
    text: string,
    more?: object,
  ): Promise<{ id: string; seq: number }>
  /** Every row of every table in which the text stands, by table. */
  rowsWith(text: string): Promise<Map<string, string[]>>
  close(): Promise<void>
}

export type Line = { type: string } & Record<string, unknown>

let made = 0

export async function openDataCloud(env: Record<string, string> = {}): Promise<DataCloud> {
  const cloud = await startDevCloud({ env })
  const scope = new Scope('look', silentLogger)
  const database = await openDatabase({ url: cloud.databaseUrl, logger: silentLogger, scope })
  const call = async <Body>(
    method: string,
    path: string,
    body?: unknown,
    options?: CallOptions,
  ): Promise<Body> => {
    const answer = await cloud.call(method, path, body, options)
    if (answer.status >= 300)
      throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
    return answer.body as Body
  }
  const finished = async ({ id }: { id: string }): Promise<LongOperation> => {
    for (;;) {
      const operation = await call<LongOperation>('GET', `/v1/operations/${id}`)
      if (operation.endedAt !== undefined) return operation
      await sleep(50)
    }
  }
  const exported = async (request: object) => {
    const operation = await finished(await call<LongOperation>('POST', '/v1/exports', request))
    if (operation.state !== 'succeeded') throw new Error(JSON.stringify(operation))
    const { url } = await call<{ url: string }>('GET', `/v1/exports/${operation.id}`)
    const bytes = Buffer.from(await (await fetch(url)).arrayBuffer())
    const text = gunzipSync(bytes).toString()
    const [manifest, ...lines] = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Line)
    if (manifest === undefined) throw new Error('an export begins with its manifest')
    return { manifest, lines, text }
  }
  const say: DataCloud['say'] = (conversationId, fromUserId, text, more = {}) =>
    call('POST', '/v1/messages', {
      ...{ conversationId, fromUserId, clientMessageId: `c${++made}`, content: { type: 'text', text } },
      ...more,
    })
  const rowsWith = async (text: string): Promise<Map<string, string[]>> => {
    const { rows: tables } = await database.system.query<{ name: string }>({
      text: `select format('%I.%I', schemaname, tablename) as name from pg_tables
        where schemaname not in ('pg_catalog', 'information_schema') order by 1`,
    })
    const found = new Map<string, string[]>()
    for (const { name } of tables) {
      const { rows } = await database.system.query<{ row: string }>({
        text: `select t::text as row from ${name} t where position($1 in t::text) > 0`,
        values: [text],
      })
      if (rows.length > 0)
        found.set(
          name,
          rows.map(({ row }) => row),
        )
    }
    return found
  }
  const close = async (): Promise<void> => {
    await scope.close()
    await cloud.close()
  }
  return { cloud, database, call, finished, exported, say, rowsWith, close }
}
