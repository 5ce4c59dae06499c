import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Closable, type Logger, sleep } from '@parley/core/kernel'
import pg from 'pg'
import type { Account } from './account.ts'
import type { Binaries } from './binaries.ts'
import { EmbeddedPostgresError } from './embedded-postgres-error.ts'
import type { Places } from './places.ts'
import { ServerLog } from './server-log.ts'
import { ServerProcess } from './server-process.ts'
import { type Durability, serverArguments } from './server-settings.ts'

export interface PostmasterOptions {
  account: Account
  binaries: Binaries
  places: Places
  logger: Logger
  /** URL of the superuser, to see when the server takes connections. */
  adminUrl: string
  durability: Durability
}

const predecessorPatienceMs = 30_000
const readyPatienceMs = 60_000

/** What a server says while one before it on the same cluster has not quite ended. */
const predecessorLives = /pre-existing shared memory block|lock file "[^"]*" already exists|already in use/

/** Keeps one server running on the cluster until closed. The caller holds the lock of the folder. */
export class Postmaster implements Closable {
  readonly #options: PostmasterOptions
  readonly #log: ServerLog
  readonly #closing = new AbortController()
  #process: ServerProcess | undefined
  #supervision: Promise<void> = Promise.resolve()

  constructor(options: PostmasterOptions) {
    this.#options = options
    this.#log = new ServerLog(join(options.places.own, 'postgres.log'))
  }

  /** Resolves when the server takes connections; crash recovery may come before. */
  async start(onStep: (step: string) => void): Promise<void> {
    onStep('Starting the database')
    await this.#launch()
    this.#options.logger.info({ version: this.#options.binaries.version }, 'database started')
    this.#supervision = this.#supervise()
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#process?.stop()
    await this.#supervision
  }

  async #supervise(): Promise<void> {
    const { logger } = this.#options
    for (;;) {
      const code = await this.#process?.ended
      if (this.#closing.signal.aborted) return
      logger.error({ code, reason: this.#log.reason }, 'the database ended by itself; it is started again')
      if (!(await this.#relaunch())) return
      logger.warn('the database runs again')
    }
  }

  /** Tries until the server runs, as what keeps it down, a full disk for one, may pass. False when closing. */
  async #relaunch(): Promise<boolean> {
    for (let retryInMs = 250; !this.#closing.signal.aborted; retryInMs = Math.min(10_000, retryInMs * 2)) {
      try {
        await this.#launch()
        return true
      } catch (error) {
        if (this.#closing.signal.aborted) return false
        this.#options.logger.error({ error, retryInMs }, 'the database cannot be started')
        await sleep(retryInMs, this.#closing.signal)
      }
    }
    return false
  }

  /** Starts until ready; waits for a predecessor to end instead of removing its traces. */
  async #launch(): Promise<void> {
    const deadline = Date.now() + predecessorPatienceMs
    let askedPredecessor = false
    for (;;) {
      this.#closing.signal.throwIfAborted()
      this.#log.mark()
      const predecessorAnswers = (await this.#ask()) !== 'absent'
      if (!predecessorAnswers && (await this.#becomesReady(this.#spawn()))) return
      const inTheWay = predecessorAnswers || predecessorLives.test(this.#log.tail)
      if (!inTheWay || Date.now() > deadline)
        throw new EmbeddedPostgresError(`The database did not start: ${this.#log.reason}`)
      if (!askedPredecessor) askedPredecessor = this.#askPredecessorToEnd()
      await sleep(200, this.#closing.signal)
    }
  }

  #spawn(): ServerProcess {
    this.#closing.signal.throwIfAborted()
    const { account, binaries, places, durability } = this.#options
    this.#process = new ServerProcess({
      account,
      postgres: binaries.postgres,
      args: serverArguments({
        clusterDirectory: places.cluster,
        socketDirectory: places.sockets,
        durability,
      }),
      log: this.#log,
    })
    return this.#process
  }

  /** False when the server ended before it took a connection. */
  async #becomesReady(server: ServerProcess): Promise<boolean> {
    let deadline = Date.now() + readyPatienceMs
    let pauseMs = 10
    while (server.running) {
      const state = await this.#ask()
      if (state === 'ready') return server.running
      if (state === 'recovering') deadline = Date.now() + readyPatienceMs
      if (Date.now() > deadline) {
        await server.stop()
        return false
      }
      await sleep(pauseMs)
      pauseMs = Math.min(100, pauseMs * 2)
    }
    return false
  }

  async #ask(): Promise<'ready' | 'recovering' | 'absent'> {
    const client = new pg.Client({
      connectionString: this.#options.adminUrl,
      connectionTimeoutMillis: 5_000,
    })
    client.on('error', () => undefined)
    try {
      await client.connect()
      return 'ready'
    } catch (error) {
      return error instanceof pg.DatabaseError && error.code === '57P03' ? 'recovering' : 'absent'
    } finally {
      await client.end().catch(() => undefined)
    }
  }

  /** We hold the folder, so a server that still runs on it has lost its owner and its watchdog. */
  #askPredecessorToEnd(): boolean {
    try {
      const file = readFileSync(join(this.#options.places.cluster, 'postmaster.pid'), 'utf8')
      const pid = Number(file.split('\n')[0])
      const commandLine = execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' })
      if (!commandLine.includes(this.#options.places.cluster)) return false
      process.kill(pid, 'SIGINT')
      return true
    } catch {
      return false
    }
  }
}
