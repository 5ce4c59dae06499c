import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { HistoryPage, SendAnswer, SyncAnswer } from '@parley/contracts'
import { readConnectionFile } from '@parley/core/store'
import { signJwt } from '@parley/protocols/jwt'
import { type ServerProcess, startServerProcess } from '@parley/testing/server-process'
import pg from 'pg'
import type { CatchUpPlace, CaughtUp, ChatTarget, ConnectOptions } from '../load/target.ts'
import { type CoreLayout, startedOn } from '../machine/cores.ts'
import { commandOf, familyOf, type ProcessGroup } from '../machine/processes.ts'
import { freePort, Profiler } from '../machine/profiler.ts'
import { ParleyClient } from './parley-client.ts'

/** What differs from the settings as shipped: all load comes from one address, and nobody is sent away gently. */
export const raisedLimits: Record<string, string> = {
  PARLEY_GATEWAY_MAX_UNAUTHENTICATED_PER_ADDRESS: '100000',
  PARLEY_GATEWAY_DRAIN_MS: '0',
}

const dayMs = 86_400_000

interface ParleyPlace {
  cursor: string
  conversationId: string
  seq: number
}

/** The built server with its own PostgreSQL, durable as shipped, over data of its own. */
export class ParleyTarget implements ChatTarget {
  readonly name = 'parley'
  readonly ackMeaning = 'committed to PostgreSQL with fsync (synchronous_commit on)'
  readonly dataDir: string
  readonly #layout: CoreLayout
  #server: ServerProcess | undefined
  #inspectPort = 0

  private constructor(layout: CoreLayout, dataDir: string) {
    this.#layout = layout
    this.dataDir = dataDir
  }

  static async start(layout: CoreLayout): Promise<ParleyTarget> {
    const target = new ParleyTarget(layout, mkdtempSync(join(tmpdir(), 'parley-bench-')))
    try {
      await target.#start()
    } catch (error) {
      await target.close()
      throw error
    }
    return target
  }

  get server(): ServerProcess {
    if (this.#server === undefined) throw new Error('the server does not run')
    return this.#server
  }

  async processes(): Promise<ProcessGroup[]> {
    const postmaster = readConnectionFile(this.dataDir) === undefined ? [] : familyOf(this.server.pid)
    const database = postmaster.filter((pid) => commandOf(pid) === 'postgres')
    return [
      { part: 'server', pids: [this.server.pid] },
      { part: 'database', pids: database },
    ]
  }

  /** By SQL, as making users is not what is measured. */
  async ensureUsers(userIds: readonly string[]): Promise<void> {
    const database = await this.database()
    try {
      await database.query(
        `insert into identity.users (project_id, user_id)
          select $1, id from unnest($2::text[]) as made (id) on conflict do nothing`,
        [this.server.key.projectId, userIds],
      )
    } finally {
      await database.end()
    }
  }

  async makeGroup(groupId: string, memberIds: readonly string[]): Promise<void> {
    await this.rest('POST', '/v1/conversations', {
      type: 'group',
      id: groupId,
      memberIds: memberIds.slice(0, 5_000),
    })
    for (let from = 5_000; from < memberIds.length; from += 1_000) {
      await this.rest('POST', `/v1/conversations/${groupId}/members`, {
        userIds: memberIds.slice(from, from + 1_000),
      })
    }
  }

  connect({ userId, events }: ConnectOptions): Promise<ParleyClient> {
    const { url } = this.server
    return ParleyClient.connect({ url, token: this.tokenOf(userId), userId, events })
  }

  async markPlace(client: ParleyClient, peerId: string): Promise<CatchUpPlace> {
    const opened = await client.request<{ conversationId: string }>('conversation.open-direct', {
      userId: peerId,
    })
    const { cursor } = await client.request<SyncAnswer>('conversation.sync', {})
    const place: ParleyPlace = { cursor, conversationId: opened.conversationId, seq: 0 }
    return place
  }

  async catchUp(client: ParleyClient, place: CatchUpPlace): Promise<CaughtUp> {
    const { cursor, seq } = place as ParleyPlace
    const { conversations } = await client.request<SyncAnswer>('conversation.sync', { cursor })
    let messages = 0
    for (const { id } of conversations) {
      const page = await client.request<HistoryPage>('message.list', { conversationId: id, afterSeq: seq })
      messages += page.items.length
    }
    return { messages }
  }

  async restart(): Promise<number> {
    await this.server.stop()
    return this.#start()
  }

  /** As a power cut looks to the server: nothing is drained, nothing flushed. */
  async restartAfterKill(): Promise<number> {
    await this.server.kill()
    return this.#start()
  }

  async close(): Promise<void> {
    await this.#server?.stop()
    rmSync(this.dataDir, { recursive: true, force: true })
  }

  profiler(): Promise<Profiler> {
    return Profiler.attach(this.#inspectPort)
  }

  /** A session of the owner of the database, which sees every project. */
  async database(): Promise<pg.Client> {
    const file = readConnectionFile(this.dataDir)
    if (file === undefined) throw new Error('the embedded PostgreSQL does not run')
    const client = new pg.Client({ connectionString: file.url })
    await client.connect()
    await client.query(`select set_config('parley.project_id', '*', false)`)
    return client
  }

  tokenOf(userId: string): string {
    const { keyId, keySecret } = this.server.key
    const now = Date.now()
    return signJwt({ iss: keyId, sub: userId, iat: now / 1000, exp: (now + dayMs) / 1000 }, keySecret)
  }

  async rest<Answer = SendAnswer>(method: string, path: string, body: object): Promise<Answer> {
    const { url, key } = this.server
    const credentials = Buffer.from(`${key.keyId}:${key.keySecret}`).toString('base64')
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { authorization: `Basic ${credentials}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
    return (await response.json()) as Answer
  }

  async #start(): Promise<number> {
    this.#inspectPort = await freePort()
    const begun = performance.now()
    this.#server = await startedOn(this.#layout, () =>
      startServerProcess({
        dataDir: this.dataDir,
        env: {
          ...raisedLimits,
          PARLEY_LOG_LEVEL: 'warn',
          NODE_OPTIONS: `--inspect=127.0.0.1:${this.#inspectPort}`,
        },
      }),
    )
    return performance.now() - begun
  }
}
